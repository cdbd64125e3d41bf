//! Before anything starts, and before files and devices are out of reach: the images of all
//! machines, and KVM.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use argo_core::DomainId;
use argo_core::host::layout::control_bytes;
use argo_mem::{MapError, Mapping};
use argo_vm::{Image, Kvm, Shape};
use parking_lot::Mutex;

use super::allowance::Allowance;
use super::bell::Bell;
use super::{Machine, MachineError, PrepareError};
use crate::config::{self, Config};

/// Bytes of an image. It stays in memory for the next start.
const IMAGE_MAX: u64 = 256 << 20;

/// What the machines of a configuration are made of.
pub struct Machines {
    /// None if there are no machines.
    kvm: Option<Arc<Kvm>>,
    images: Images,
}

/// By the domain that each was checked for.
type Images = BTreeMap<DomainId, Checked>;

/// An image, and what it was checked for.
struct Checked {
    path: PathBuf,
    ram: u64,
    image: Arc<Image>,
}

impl Machines {
    /// Everything that has to be read and opened. KVM is touched only if there are machines.
    ///
    /// # Errors
    /// The first image that is wrong, or why KVM cannot be used.
    pub fn prepare(config: &Config) -> Result<Self, PrepareError> {
        let images = images(config)?;
        let kvm = (!images.is_empty()).then(Kvm::probe).transpose()?;
        Ok(Self { kvm: kvm.map(Arc::new), images })
    }

    /// The machine of a domain, which does not run yet; `None` if it is not one.
    ///
    /// # Errors
    /// There is no memory, or the domain was not in the configuration with this image and RAM.
    pub fn make(&self, domain: &config::Domain) -> Result<Option<Arc<Machine>>, MachineError> {
        let Some(machine) = &domain.machine else { return Ok(None) };
        let known = self.images.get(&domain.id);
        // A machine of the same id made anew may be another one.
        let known = known.filter(|known| known.path == machine.image && known.ram == domain.ram);
        let image = known.ok_or(MachineError::Late)?.image.clone();
        let kvm = self.kvm.clone().ok_or(MachineError::Late)?;
        let ram = Arc::new(ram(domain, machine.vcpus)?);
        Ok(Some(Arc::new(Machine {
            kvm,
            image,
            shape: Shape { domain: domain.id, ram: domain.ram, vcpus: machine.vcpus },
            command: machine.command.clone(),
            restart: machine.restart,
            bell: Arc::new(Bell::new(ram.clone())),
            ram,
            dirty: Default::default(),
            allowance: Allowance::new(domain.weight),
            console: Default::default(),
            life: Default::default(),
            stopping: Default::default(),
            keeper: Mutex::default(),
        })))
    }
}

/// Whether the images of all machines in a configuration can be used.
///
/// # Errors
/// The first that cannot be read or is wrong.
pub fn check_images(config: &Config) -> Result<(), PrepareError> {
    images(config).map(drop)
}

fn images(config: &Config) -> Result<Images, PrepareError> {
    let machines =
        config.domains.iter().filter_map(|domain| Some((domain, domain.machine.as_ref()?)));
    let images = machines.map(|(domain, machine)| {
        let path = || machine.image.clone();
        let name = || domain.name.clone();
        let bytes = read(&machine.image).map_err(|source| PrepareError::Read {
            domain: name(),
            path: path(),
            source,
        })?;
        let image = Image::check(bytes, domain.ram).map_err(|source| PrepareError::Image {
            domain: name(),
            path: path(),
            source,
        })?;
        Ok((domain.id, Checked { path: path(), ram: domain.ram, image: Arc::new(image) }))
    });
    images.collect()
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A FIFO would else hold argod up until somebody writes to it.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    file.take(IMAGE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > IMAGE_MAX {
        return Err(io::Error::other(format!("more than {IMAGE_MAX} bytes")));
    }
    Ok(bytes)
}

/// Each page gets a frame now: a guest's first touch of it must not be argod's fault.
fn ram(domain: &config::Domain, queues: u32) -> Result<Mapping, MapError> {
    let bytes = control_bytes(queues) as usize + domain.ram as usize;
    let (ram, _) = Mapping::create(&format!("argo-{}", domain.name), bytes)?;
    ram.populate()?;
    Ok(ram)
}
