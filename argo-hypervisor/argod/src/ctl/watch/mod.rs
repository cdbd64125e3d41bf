//! `argoctl stat --watch`: a terminal screen of what argod is doing now.
//!
//! | module | what |
//! |---|---|
//! | [`sampler`] | asks argod again and again, in a thread: a slow answer does not hold up a key |
//! | [`rates`] | what happened between two answers |
//! | [`screen`] | what is shown, and how keys change it |
//! | [`draw`], [`columns`], [`cells`] | how it looks |

mod cells;
mod columns;
mod draw;
mod rates;
mod sampler;
mod screen;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::Failure;
use super::sockets::Admin;
use sampler::Sample;
use screen::{Screen, Then};

/// How often keys, signals and samples are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Shows argod until the user has seen enough.
pub(super) fn watch(admin: Admin, interval: Duration) -> Result<ExitCode, Failure> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let text = "--watch needs a terminal, and this is none; stat without it writes once";
        return Err(Failure::usage(text));
    }
    // What cannot be reached at all is told as for every other subcommand.
    admin.stat()?;
    let signalled = signals().map_err(Failure::failed)?;
    let samples = sampler::start(admin, interval).map_err(Failure::failed)?;
    let mut drawn = Drawn::on_terminal().map_err(Failure::failed)?;
    let shown = show(&mut drawn.0, &samples, &signalled, Screen::new(interval));
    drop(drawn);
    shown.map_err(Failure::failed)?;
    Ok(ExitCode::SUCCESS)
}

/// A terminal that is drawn on; as it was before once this is dropped, and after a panic.
struct Drawn(DefaultTerminal);

impl Drawn {
    fn on_terminal() -> io::Result<Self> {
        ratatui::try_init().map(Self).inspect_err(|_| ratatui::restore())
    }
}

impl Drop for Drawn {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// What the screen changes for.
enum News {
    Sample(Sample),
    Terminal(Event),
    /// This process is to end.
    End,
}

fn show(
    terminal: &mut DefaultTerminal,
    samples: &Receiver<Sample>,
    signalled: &AtomicBool,
    mut screen: Screen,
) -> io::Result<()> {
    loop {
        terminal.draw(|frame| draw::draw(&screen, frame))?;
        match news(samples, signalled)? {
            News::Sample(sample) => screen.take(sample),
            News::Terminal(Event::Key(key)) if screen.press(key) == Then::Leave => return Ok(()),
            // Of another size perhaps.
            News::Terminal(_) => {}
            News::End => return Ok(()),
        }
    }
}

fn news(samples: &Receiver<Sample>, signalled: &AtomicBool) -> io::Result<News> {
    while !signalled.load(Ordering::Relaxed) {
        if let Ok(sample) = samples.try_recv() {
            return Ok(News::Sample(sample));
        }
        let begun = Instant::now();
        if event::poll(LOOK_EVERY)? {
            return Ok(News::Terminal(event::read()?));
        }
        // A terminal that is gone is never waited for.
        thread::sleep(LOOK_EVERY.saturating_sub(begun.elapsed()));
    }
    Ok(News::End)
}

/// Becomes true once somebody wants this process to end.
fn signals() -> io::Result<Arc<AtomicBool>> {
    let signalled = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, signalled.clone())?;
    }
    Ok(signalled)
}
