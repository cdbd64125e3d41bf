//! Which ring of a domain has which name.

use argo_core::{DomainId, Errno, Partner, Port, RingName};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::fallible;

/// The slots of rings by their names: one look-up finds a ring for everybody where no ring on its
/// port is for one domain alone.
#[derive(Default)]
pub(crate) struct Names {
    ports: HashMap<Port, OnPort, RandomState>,
    /// The slots of rings for one domain alone.
    exact: HashMap<(Port, DomainId), usize, RandomState>,
}

/// The rings on a port: at least one.
#[derive(Default)]
struct OnPort {
    /// The slot of the wildcard ring.
    any: Option<usize>,
    /// How many are for one domain alone.
    exact: u32,
}

impl Names {
    /// Room for the names of so many rings.
    pub fn with_room(rings: usize) -> Self {
        // A map that is at most half full makes place for a new entry by tidying up, not by growing.
        let room = rings.saturating_mul(2);
        Self {
            ports: HashMap::with_capacity_and_hasher(room, RandomState::default()),
            exact: HashMap::with_capacity_and_hasher(room, RandomState::default()),
        }
    }

    /// Takes out all names, and keeps the room.
    pub fn clear(&mut self) {
        self.ports.clear();
        self.exact.clear();
    }

    /// The slot of the ring that this sender reaches at this port: its own, else the wildcard one.
    #[inline]
    pub fn find_for(&self, sender: DomainId, port: Port) -> Option<usize> {
        let on_port = self.ports.get(&port)?;
        let exact = if on_port.exact > 0 { self.exact.get(&(port, sender)) } else { None };
        exact.copied().or(on_port.any)
    }

    /// The slot of the ring with this name.
    pub fn find(&self, RingName { port, partner }: RingName) -> Option<usize> {
        match partner {
            Partner::Any => self.ports.get(&port)?.any,
            Partner::Domain(partner) => self.exact.get(&(port, partner)).copied(),
        }
    }

    /// Whether a ring is on this port.
    pub fn has_port(&self, port: Port) -> bool {
        self.ports.contains_key(&port)
    }

    /// The ports that have rings, each once.
    pub fn ports(&self) -> impl Iterator<Item = Port> + Clone {
        self.ports.keys().copied()
    }

    /// Gives a slot to a name that is not in use. On an error nothing has changed.
    ///
    /// # Errors
    /// [`Errno::ENOMEM`]
    pub fn enter(&mut self, name: RingName, slot: usize) -> Result<(), Errno> {
        let RingName { port, partner } = name;
        let Partner::Domain(partner) = partner else {
            self.port(port)?.any = Some(slot);
            return Ok(());
        };
        fallible::insert(&mut self.exact, (port, partner), slot)?;
        match self.port(port) {
            Ok(on_port) => on_port.exact = on_port.exact.saturating_add(1),
            Err(errno) => {
                self.exact.remove(&(port, partner));
                return Err(errno);
            }
        }
        Ok(())
    }

    fn port(&mut self, port: Port) -> Result<&mut OnPort, Errno> {
        if !self.ports.contains_key(&port) {
            fallible::insert(&mut self.ports, port, OnPort::default())?;
        }
        self.ports.get_mut(&port).ok_or(Errno::ENOMEM)
    }

    /// Takes a name out, and gives its slot.
    pub fn leave(&mut self, RingName { port, partner }: RingName) -> Option<usize> {
        let on_port = self.ports.get_mut(&port)?;
        let slot = match partner {
            Partner::Any => on_port.any.take()?,
            Partner::Domain(partner) => {
                let slot = self.exact.remove(&(port, partner))?;
                debug_assert!(on_port.exact > 0, "a ring is on a port where none is entered");
                on_port.exact = on_port.exact.saturating_sub(1);
                slot
            }
        };
        if on_port.any.is_none() && on_port.exact == 0 {
            self.ports.remove(&port);
        }
        Some(slot)
    }
}
