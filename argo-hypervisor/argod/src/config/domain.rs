//! One domain, as a `[[domain]]` table or a text of its own describes it.

use std::path::{Path, PathBuf};

use argo_core::DomainId;
use argo_core::abi::PAGE_SIZE;
use argo_core::policy::Label;
use toml::Spanned;

use super::host::Host;
use super::machine::{Kind, Machine};
use super::quotas::Quotas;
use super::read::{Reader, integer};
use super::report::{Problems, Report};
use super::seen::{Seen, distinct};
use super::socket::Socket;
use super::texts::Texts;
use super::values::{self, domain_id};

/// The most RAM that a domain may have, in bytes.
pub const RAM_MAX: u64 = 64 << 30;
/// The least RAM that a domain may have, in bytes: the first page, which holds nothing.
pub const RAM_MIN: u64 = PAGE_BYTES;
/// Pages that may be listed as read-only.
pub const READ_ONLY_PAGES_MAX: usize = 4096;
/// The largest weight.
pub const WEIGHT_MAX: u32 = 10_000;
/// A domain's weight if none is given.
pub const WEIGHT_DEFAULT: u32 = 100;
/// Processors that may be listed.
pub const CPUS_MAX: usize = 8192;

const PAGE_BYTES: u64 = PAGE_SIZE as u64;
const PAGES_LAST: u64 = RAM_MAX / PAGE_BYTES - 1;

/// A domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Its name, unlike every other domain's.
    pub name: String,
    /// Labels that rules may name.
    pub labels: Vec<String>,
    /// The virtual machine that it is, if it is one.
    pub machine: Option<Machine>,
    /// Bytes of RAM that the machine or each session gets: whole pages.
    pub ram: u64,
    /// Pages that cannot be part of a ring, as ROM could not, in ascending order. In everything
    /// else they are memory like the others.
    pub read_only_pages: Vec<u32>,
    /// What it may use up.
    pub quotas: Quotas,
    /// Its share of a busy worker, relative to the others'.
    pub weight: u32,
    /// The processors whose workers serve it, or on which its machine runs, in ascending order; all if
    /// there are none here.
    pub cpus: Vec<u32>,
    /// Where processes attach to it.
    pub socket: Socket,
}

impl Domain {
    /// Bytes that the RAM of its machine or of all its sessions together needs.
    pub fn memory_needed(&self) -> u64 {
        let machines = u64::from(self.machine.is_some());
        self.ram.saturating_mul(machines + u64::from(self.quotas.sessions))
    }

    /// Pages of RAM that the machine or a session gets.
    pub fn pages(&self) -> u64 {
        self.ram / PAGE_BYTES
    }

    /// Reads the description of one domain: the keys of a `[[domain]]` table, without its header.
    ///
    /// `file` names the text in problems; a domain without `socket` gets one in `runtime_dir`.
    /// Whether id, name and socket are still free is not looked at.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(
        file: &str,
        text: &str,
        host: &Host,
        runtime_dir: &Path,
    ) -> Result<Self, Problems> {
        Texts::plain(file, text).examine(|texts| {
            let table = texts.into_iter().next()?;
            Self::read(table, host, runtime_dir, &mut Seen::default())
        })
    }

    /// Reads a domain's table; `None` if something that it cannot be without is wrong. `seen`
    /// learns its names all the same.
    pub(super) fn read(
        mut table: Reader<'_>,
        host: &Host,
        runtime_dir: &Path,
        seen: &mut Seen,
    ) -> Option<Self> {
        let report = table.report;
        let id = table.required("id", domain_id());
        let name = table.required("name", values::name());
        let labels = table.list("labels", values::name(), Label::LIMIT);
        let kind = Kind::read(&mut table);
        let machine = (kind == Kind::Kvm).then(|| Machine::read(&mut table));
        let ram = table.required("ram", kind.ram());
        let read_only = table.list("read_only_pages", integer(0..=PAGES_LAST), READ_ONLY_PAGES_MAX);
        let quotas = Quotas::read_of(kind, table.table("quotas"));
        let weight = table.or("weight", integer(1..=u64::from(WEIGHT_MAX)), WEIGHT_DEFAULT);
        let cpus = table.list("cpus", host.cpu(), CPUS_MAX);
        let beside = name.as_ref().map(|name| beside(runtime_dir, name));
        let socket = Socket::read(&mut table, beside);
        table.finish();

        seen.domain(report, id.as_ref(), name.as_ref(), &labels);
        seen.socket(report, socket.as_ref());
        check_pages(report, &read_only, ram.as_ref());
        Some(Self {
            id: id?.into_inner(),
            name: name?.into_inner(),
            labels: distinct(report, "label", labels),
            machine: machine.map_or(Some(None), |machine| machine.map(Some))?,
            ram: ram?.into_inner(),
            read_only_pages: distinct(report, "page", read_only),
            quotas,
            weight,
            cpus: distinct(report, "cpu", cpus),
            socket: socket?.into_inner(),
        })
    }
}

fn beside(runtime_dir: &Path, name: &Spanned<String>) -> Spanned<PathBuf> {
    Spanned::new(name.span(), runtime_dir.join(format!("{}.sock", name.get_ref())))
}

fn check_pages(report: &Report<'_>, pages: &[Spanned<u32>], ram: Option<&Spanned<u64>>) {
    let Some(ram) = ram else { return };
    let limit = ram.get_ref() / PAGE_BYTES;
    for page in pages.iter().filter(|page| u64::from(*page.get_ref()) >= limit) {
        let expected = format!("a page below {limit}, as ram has");
        report.mismatch(page.span(), format!("page {}", page.get_ref()), expected);
    }
}
