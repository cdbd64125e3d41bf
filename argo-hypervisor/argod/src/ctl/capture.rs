//! `argoctl capture`: messages into a file for Wireshark.

use std::fs::OpenOptions;
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::complaint::say;
use super::{Failure, values};
use crate::admin::{Answer, read_line, write_line};
use crate::capture::{Pcapng, SNAPLEN_DEFAULT, SNAPLEN_MAX, Told, Verdict, Wanted};

/// Capture messages between domains, delivered and refused, into a pcapng file for Wireshark.
///
/// Ends after --count or --size, or by Ctrl-C. A message that was lost because this program was too
/// slow is counted in the file.
#[derive(Args)]
pub(super) struct Capture {
    /// The file; `-` for standard output.
    #[arg(short, long, value_name = "FILE")]
    write: PathBuf,
    /// Only messages from this domain (name or number).
    #[arg(long, value_name = "DOMAIN")]
    from: Option<String>,
    /// Only messages to this domain.
    #[arg(long, value_name = "DOMAIN")]
    to: Option<String>,
    /// Only messages from or to this domain.
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Only messages from or to this port.
    #[arg(long, value_parser = values::port)]
    port: Option<argo_guest::Port>,
    /// Only messages that were not delivered.
    #[arg(long, conflicts_with = "delivered")]
    refused: bool,
    /// Only messages that were delivered.
    #[arg(long)]
    delivered: bool,
    /// Bytes of each payload that are captured, at most 1MiB.
    #[arg(long, value_name = "BYTES", value_parser = snaplen, default_value_t = SNAPLEN_DEFAULT)]
    snaplen: u32,
    /// End after so many messages.
    #[arg(long, value_name = "MESSAGES", default_value_t = u64::MAX, hide_default_value = true)]
    count: u64,
    /// End once the file has so many bytes.
    #[arg(
        long,
        value_name = "BYTES",
        value_parser = values::size,
        default_value_t = u64::MAX,
        hide_default_value = true
    )]
    size: u64,
    /// The capture socket of argod.
    #[arg(
        long,
        env = "ARGO_CAPTURE",
        value_name = "SOCKET",
        default_value = "/run/argod/capture.sock"
    )]
    capture: PathBuf,
}

impl Capture {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let mut stream = self.connect()?;
        let unwritable = |error| Failure::failed(format!("{}: {error}", self.write.display()));
        let out = create(&self.write).map_err(unwritable)?;
        let mut file = Pcapng::begin(out, self.snaplen).map_err(unwritable)?;
        let ended = end_by_signal(stream.get_ref()).map_err(Failure::failed)?;
        say(format_args!("capturing to {}", self.write.display()));
        let copied = self.copy(&mut stream, &mut file);
        let (messages, lost) = (file.messages(), file.lost());
        file.end().map_err(unwritable)?;
        say(format_args!("{messages} messages captured, {lost} lost"));
        match copied {
            Ok(true) => Ok(ExitCode::SUCCESS),
            _ if ended.load(Ordering::SeqCst) => Ok(ExitCode::SUCCESS),
            Ok(false) => Err(Failure::failed("argod has ended the capture")),
            Err(error) => Err(Failure::failed(error)),
        }
    }

    fn connect(&self) -> Result<BufReader<UnixStream>, Failure> {
        let place = self.capture.display();
        let unreachable =
            |error| Failure::failed(format!("{place}: {error}; has argod a [capture] section?"));
        let mut stream = UnixStream::connect(&self.capture).map_err(unreachable)?;
        write_line(&mut stream, &self.wanted()).map_err(Failure::failed)?;
        let mut stream = BufReader::new(stream);
        let line = read_line(&mut stream).map_err(Failure::failed)?.unwrap_or_default();
        match serde_json::from_str(&line).map_err(Failure::failed)? {
            Answer::Ok(_) => Ok(stream),
            Answer::Error(why) => Err(Failure::failed(why)),
        }
    }

    fn wanted(&self) -> Wanted {
        let verdict = match (self.refused, self.delivered) {
            (true, _) => Some(Verdict::Refused),
            (_, true) => Some(Verdict::Delivered),
            _ => None,
        };
        Wanted {
            from: self.from.clone(),
            to: self.to.clone(),
            domain: self.domain.clone(),
            port: self.port.map(|port| port.0),
            verdict,
            snaplen: self.snaplen,
        }
    }

    /// `true`: as much as was asked for; `false`: argod sends no more.
    fn copy(
        &self,
        stream: &mut BufReader<UnixStream>,
        file: &mut Pcapng<impl Write>,
    ) -> io::Result<bool> {
        while file.messages() < self.count && file.len() < self.size {
            if stream.buffer().is_empty() {
                // Who looks at the file meanwhile sees all that there is.
                file.flush()?;
            }
            match Told::read(stream)? {
                Some(Told::Message(frame, payload)) => file.message(&frame, &payload)?,
                Some(Told::Lost(count)) => file.lose(count),
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// Only for this user: it is what others say to each other.
fn create(path: &Path) -> io::Result<BufWriter<Box<dyn Write>>> {
    let out: Box<dyn Write> = match path.as_os_str().as_encoded_bytes() {
        b"-" => Box::new(io::stdout()),
        _ => Box::new(
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?,
        ),
    };
    Ok(BufWriter::new(out))
}

/// Ends the stream at the first signal, and remembers that.
fn end_by_signal(stream: &UnixStream) -> io::Result<Arc<AtomicBool>> {
    let (ended, stream) = (Arc::new(AtomicBool::new(false)), stream.try_clone()?);
    let told = ended.clone();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        if signals.forever().next().is_some() {
            told.store(true, Ordering::SeqCst);
            // An error means that it has ended.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    })?;
    Ok(ended)
}

fn snaplen(text: &str) -> Result<u32, String> {
    let fits = values::size(text)?.try_into().ok().filter(|bytes| *bytes <= SNAPLEN_MAX);
    fits.ok_or_else(|| format!("{text}: at most {SNAPLEN_MAX}"))
}
