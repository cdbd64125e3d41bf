use std::collections::HashMap;

use super::super::{Hook, Interrupts, MAX_ACCESS_BYTES, OpResult, World, WorldError};

/// A world with real memory, whose hypercalls give the answers put into it.
pub(super) struct Scripted {
    pub interrupts: Interrupts,
    pub answer: OpResult,
    pub memory: HashMap<u16, Vec<u8>>,
    pub denied: Vec<Hook>,
    pub asked: Vec<(u16, u32, [u64; 4])>,
}

impl Scripted {
    pub fn answering(ret: i64, virq: &[u16]) -> Self {
        Self {
            interrupts: Interrupts::Counted,
            answer: OpResult { ret, virq: virq.to_vec() },
            memory: HashMap::new(),
            denied: Vec::new(),
            asked: Vec::new(),
        }
    }

    fn bytes(&mut self, dom: u16, addr: u64, len: usize) -> Result<&mut [u8], WorldError> {
        assert!(len <= MAX_ACCESS_BYTES);
        let memory = self.memory.get_mut(&dom).ok_or("the domain is gone")?;
        let start = usize::try_from(addr)?;
        Ok(memory.get_mut(start..start + len).ok_or("outside of memory")?)
    }
}

impl World for Scripted {
    fn interrupts(&self) -> Interrupts {
        self.interrupts
    }

    fn create_domain(&mut self, id: u16, pages: u64, _ro: &[u64]) -> Result<(), WorldError> {
        self.memory.insert(id, vec![0; usize::try_from(pages)? * 4096]);
        Ok(())
    }

    fn write(&mut self, dom: u16, addr: u64, bytes: &[u8]) -> Result<(), WorldError> {
        self.bytes(dom, addr, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    fn read(&mut self, dom: u16, addr: u64, bytes: &mut [u8]) -> Result<(), WorldError> {
        bytes.copy_from_slice(self.bytes(dom, addr, bytes.len())?);
        Ok(())
    }

    fn op(&mut self, dom: u16, cmd: u32, args: [u64; 4]) -> Result<OpResult, WorldError> {
        self.asked.push((dom, cmd, args));
        Ok(self.answer.clone())
    }

    fn destroy(&mut self, dom: u16) -> Result<Vec<u16>, WorldError> {
        self.memory.remove(&dom);
        Ok(self.answer.virq.clone())
    }

    fn soft_reset(&mut self, _dom: u16) -> Result<Vec<u16>, WorldError> {
        Ok(self.answer.virq.clone())
    }

    fn deny(&mut self, hook: Hook) -> Result<(), WorldError> {
        self.denied.push(hook);
        Ok(())
    }

    fn allow(&mut self, hook: Hook) -> Result<(), WorldError> {
        self.denied.retain(|denied| *denied != hook);
        Ok(())
    }
}
