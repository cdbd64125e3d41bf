use argo_core::Errno;

use super::*;

/// A block: its kind, its body, its options.
type Block = (u32, Vec<u8>, Vec<(u16, Vec<u8>)>);

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Reads a file as the format's description has it, in another way than it is written.
fn blocks(mut file: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    while !file.is_empty() {
        let (kind, len) = (number(&file[..4]) as u32, number(&file[4..8]) as usize);
        assert!(len.is_multiple_of(4));
        assert_eq!(number(&file[len - 4..len]) as usize, len, "the length again at the end");
        let body = &file[8..len - 4];
        let fixed = match kind {
            0x0a0d_0d0a => 16,
            1 => 8,
            5 => 12,
            6 => 20 + (number(&body[12..16]) as usize).next_multiple_of(4),
            _ => panic!("block {kind:#x}"),
        };
        blocks.push((kind, body[..fixed].to_vec(), options(&body[fixed..])));
        file = &file[len..];
    }
    blocks
}

fn options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut options = Vec::new();
    loop {
        let (code, len) = (number(&bytes[..2]) as u16, number(&bytes[2..4]) as usize);
        if code == 0 {
            assert_eq!((len, bytes.len()), (0, 4), "nothing after the end");
            return options;
        }
        options.push((code, bytes[4..4 + len].to_vec()));
        bytes = &bytes[4 + len.next_multiple_of(4)..];
    }
}

fn frame(errno: u16) -> Frame {
    Frame {
        time_ns: 1_700_000_000_123_456_789.into(),
        length: 9.into(),
        captured: 5.into(),
        from_port: 0x1234.into(),
        to_port: 7.into(),
        message_type: 3.into(),
        rule: 4.into(),
        from: 1.into(),
        claimed: 0x7ff4.into(),
        to: 2.into(),
        errno: errno.into(),
        kind: Frame::MESSAGE,
        ..Frame::default()
    }
}

fn text(options: &[(u16, Vec<u8>)]) -> &str {
    let (_, text) = options.iter().find(|(code, _)| *code == 1).unwrap();
    std::str::from_utf8(text).unwrap()
}

#[test]
fn a_file_has_what_was_put_in() {
    let mut file = Pcapng::begin(Vec::new(), 5).unwrap();
    file.message(&frame(0), b"hello").unwrap();
    file.lose(2);
    file.lose(1);
    file.message(&frame(Errno::EACCES.number() as u16), b"").unwrap();
    file.lose(4);
    let len = file.len();
    let bytes = file.end().unwrap();
    assert!(len < bytes.len() as u64);
    let blocks = blocks(&bytes);
    let kinds: Vec<_> = blocks.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 6, 6, 5]);

    let (_, section, _) = &blocks[0];
    assert_eq!(number(&section[..4]), 0x1a2b_3c4d);
    let (_, interface, about) = &blocks[1];
    assert_eq!((number(&interface[..2]), number(&interface[4..8])), (271, 64 + 5));
    assert!(about.contains(&(9, vec![9])), "nanoseconds");

    let (_, first, about) = &blocks[2];
    let time = number(&first[4..8]) << 32 | number(&first[8..12]);
    assert_eq!(time, 1_700_000_000_123_456_789);
    assert_eq!((number(&first[12..16]), number(&first[16..20])), (69, 73), "5 of 9 bytes");
    assert_eq!(text(about), "delivered: 1:4660 -> 2:7, 9 bytes");
    assert_eq!(about.len(), 1, "nothing was lost before");
    let packet = &first[20..89];
    let word = |at: usize| number(&packet[at..at + 4]);
    assert_eq!((number(&packet[..8]), number(&packet[8..16])), (1, 2));
    assert_eq!((word(16), word(20)), (0x1234, 7));
    assert_eq!((number(&packet[24..26]), number(&packet[28..30])), (4, 32));
    assert_eq!(&packet[32..36], b"ARGO");
    assert_eq!((packet[36], packet[37], number(&packet[38..40])), (1, 1, 0));
    assert_eq!((word(40), word(44), number(&packet[48..56])), (3, 4, 9));
    assert_eq!(number(&packet[56..58]), 0x7ff4);
    assert_eq!(&packet[64..], b"hello");

    let (_, second, about) = &blocks[3];
    assert_eq!((number(&second[12..16]), number(&second[16..20])), (64, 64));
    assert_eq!((second[20 + 37], number(&second[20 + 38..20 + 40])), (0, 13));
    let refused = "refused: 1:4660 -> 2:7, 9 bytes: refused by policy (EACCES), rule 4";
    assert_eq!(text(about), refused);
    assert!(about.contains(&(4, 3u64.to_le_bytes().to_vec())), "3 were lost before it");

    let (.., about) = &blocks[4];
    assert!(about.contains(&(4, 9u64.to_le_bytes().to_vec())), "2 and 7 received");
    assert!(about.contains(&(5, 7u64.to_le_bytes().to_vec())), "7 lost");
}

#[test]
fn frames_arrive_as_they_were_sent() {
    let mut sent = Vec::new();
    frame(0).write(b"hello", &mut sent).unwrap();
    Frame::losing(3).write(&[], &mut sent).unwrap();
    let mut from = sent.as_slice();
    let told = Told::Message(frame(0), b"hello".to_vec());
    assert_eq!(Told::read(&mut from).unwrap(), Some(told));
    assert_eq!(Told::read(&mut from).unwrap(), Some(Told::Lost(3)));
    assert_eq!(Told::read(&mut from).unwrap(), None);
}

#[test]
fn no_frame_makes_its_reader_allocate_without_limit() {
    let read = |frame: Frame| {
        let mut bytes = Vec::new();
        frame.write(&[], &mut bytes).unwrap();
        Told::read(&mut bytes.as_slice()).unwrap_err().kind()
    };
    let long = |captured: u32| Frame { captured: captured.into(), ..frame(0) };
    assert_eq!(read(long(SNAPLEN_MAX + 1)), std::io::ErrorKind::InvalidData);
    assert_eq!(read(long(SNAPLEN_MAX)), std::io::ErrorKind::UnexpectedEof);
    assert_eq!(read(Frame { kind: 3.into(), ..frame(0) }), std::io::ErrorKind::InvalidData);
}
