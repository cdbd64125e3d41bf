//! A vchan between two domains of argod, each a process: what one types, the other shows.
//!
//! ```text
//! ARGO_DOMAIN=/run/argod/server.sock cargo run -p vchan --example host -- listen 1 7
//! ARGO_DOMAIN=/run/argod/client.sock cargo run -p vchan --example host -- connect 2 7
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use vchan::host::Host;
use vchan::{Channel, Client, DomainId, ReadError, ReadHalf, Server};

/// How long a client waits for its server.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [role, domain, port] = &words[..] else {
        return Err("usage: host listen|connect DOMAIN PORT".into());
    };
    let peer = DomainId::new(domain.parse()?).ok_or("no such domain id")?;
    let host = Host::from_env()?;
    let channel = match role.as_str() {
        "listen" => Server::new(peer).minimums(4096, 4096)?.listen(&host, port.parse::<u32>()?)?,
        _ => Client::new(peer).connect_within(&host, port.parse::<u32>()?, PATIENCE)?,
    };
    talk(channel)
}

/// Each direction has its half of the channel. Standard input's end is not the channel's.
fn talk(channel: Channel<Host>) -> Result<(), Box<dyn Error>> {
    let (reader, mut writer) = channel.into_split();
    thread::spawn(move || io::copy(&mut io::stdin(), &mut writer));
    show(reader)
}

fn show(mut reader: ReadHalf<Host>) -> Result<(), Box<dyn Error>> {
    let mut bytes = [0; 4096];
    loop {
        match reader.read(&mut bytes, None) {
            Ok(len) => io::stdout().write_all(&bytes[..len])?,
            Err(ReadError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        io::stdout().flush()?;
    }
}
