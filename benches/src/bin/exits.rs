//! What a hypercall of a virtual machine costs at least: against an exit that does nothing, and against the
//! same call without a machine. `cargo run --release -p benches --bin exits`
//!
//! An exit takes as long as copying some hundred KiB where KVM is software: long messages are measured as
//! they are sent in bulk, many calls an exit, against as many calls in a row by this process.
//!
//! Rounds of each kind take turns, and a figure is the median of the rounds' ratios, so that whatever else
//! runs disturbs all kinds alike. The queue and the engine are argod's; its policy, accounting and cage
//! are not in it, and nobody is woken: so what it prints is not to be held against a target for argod.

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    effort::skipped("exits: machines are for x86-64");
}

#[cfg(target_arch = "x86_64")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    match argo_vm::Kvm::probe() {
        Ok(kvm) => machine::measure(&kvm),
        Err(why) => {
            effort::skipped(&format!("exits: {why}"));
            Ok(())
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use std::error::Error;
    use std::hint::black_box;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::time::{Duration, Instant};

    use argo_core::DomainId;
    use argo_core::abi::{DOMID_ANY, Iov, Op, RING_HEADER, RegisterRing, SendAddr};
    use argo_core::host::layout::{QUEUE_ENTRIES, QueueLayout, control_bytes};
    use argo_core::host::queue::{Completion, HostQueue, Slot};
    use argo_hypervisor::inprocess::AllowAll;
    use argo_hypervisor::{
        Argo, Caller, Config, Engine, Events, LinearMemory, ParkingLot, Quotas, Start, System,
        WildcardRings,
    };
    use argo_mem::{Mapping, Memory as _};
    use argo_vm::{Exit, Image, Kvm, Machine, Shape, Vcpu};
    use argod_hostile::kernels;
    use zerocopy::IntoBytes as _;

    /// Rounds of each kind.
    const ROUNDS: usize = 100;
    /// Exits in a round.
    const EXITS: u32 = 16;
    /// Calls an exit, where there are several.
    const BATCH: u32 = 16;
    /// The same of long ones: an exit is as long as many of them.
    const LONG_BATCH: u32 = 64;
    const RAM: u64 = 16 << 20;
    /// Places in a domain's RAM.
    const ARGS: u64 = 0x10_0000;
    const LIST: u64 = 0x11_0000;
    const PAYLOAD: u64 = 0x20_0000;
    const RING: u64 = 0x40_0000;
    const RING_LEN: u32 = 8 << 20;

    type Failure = Box<dyn Error>;

    /// An engine whose domains have memory that a machine can have, and hear nothing.
    enum Bench {}

    struct Deaf;

    impl System for Bench {
        type Memory = LinearMemory<Mapping>;
        type Policy = AllowAll;
        type Events = Deaf;
        type Locks = ParkingLot;
    }

    impl Events for Deaf {
        fn virq(&self, _: DomainId) {}
    }

    pub fn measure(kvm: &Kvm) -> Result<(), Failure> {
        let scene = Scene::new()?;
        let [mut bare, mut one, mut many, mut long] = [
            Sender::new(kvm, &scene, 0, 64)?,
            Sender::new(kvm, &scene, 1, 64)?,
            Sender::new(kvm, &scene, BATCH, 64)?,
            Sender::new(kvm, &scene, LONG_BATCH, 64 << 10)?,
        ];
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let exits =
                [&mut bare, &mut one, &mut many, &mut long].map(|sender| sender.round(&scene));
            let direct = long.without_exits(&scene);
            let [bare, one, many, long] = exits;
            rounds.push([
                one / bare,
                one * f64::from(BATCH) / many,
                direct / long,
                bare,
                one,
                many,
                long,
            ]);
        }
        let median = |which: usize| {
            let mut values: Vec<f64> = rounds.iter().map(|round| round[which]).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let micros = |which| median(which) / f64::from(EXITS) * 1e6;
        println!("exit that does nothing                 {:8.2} us", micros(3));
        println!(
            "exit to answer of the engine, 64 B     {:8.2} us, {:.2} times the former",
            micros(4),
            median(0)
        );
        println!(
            "{BATCH} of these an exit                    {:8.2} us, {:.1} times the calls a second",
            micros(5),
            median(1)
        );
        println!(
            "{LONG_BATCH} of 64 KiB an exit                 {:8.2} us, {:.2} of the engine's throughput without a machine",
            micros(6),
            median(2)
        );
        Ok(())
    }

    /// An engine, and a domain that receives and throws away.
    struct Scene {
        engine: Engine<Bench>,
        receiver: Caller<Bench>,
        memory: Arc<Mapping>,
    }

    const RECEIVER: u16 = 100;

    impl Scene {
        fn new() -> Result<Self, Failure> {
            let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
            let engine = Engine::new(config, AllowAll, Deaf);
            let (receiver, memory) = domain(&engine, RECEIVER)?;
            let pages = u64::from((RING_HEADER + RING_LEN).div_ceil(4096));
            let claim = RegisterRing { aport: 7, partner_id: DOMID_ANY, pad: 0, len: RING_LEN };
            write(&memory, ARGS, claim.as_bytes())?;
            for page in 0..pages {
                write(&memory, LIST + 8 * page, (RING / 4096 + page).as_bytes())?;
            }
            match engine.argo_op(&receiver, Op::RegisterRing as u32, ARGS, LIST, pages, 0) {
                0 => Ok(Self { engine, receiver, memory }),
                errno => Err(format!("registering a ring: {errno}").into()),
            }
        }

        /// The ring is empty again.
        fn drain(&self) {
            let ring = self.memory.view();
            let header = control() + RING as usize;
            // They lie inside.
            let tx = ring.load_u32(header + 4, Ordering::Acquire).unwrap_or(0);
            let _ = ring.store_u32(header, tx, Ordering::Release);
        }
    }

    /// A machine that makes the same call over and over, so many an exit.
    struct Sender {
        vcpu: Vcpu,
        caller: Caller<Bench>,
        memory: Arc<Mapping>,
        queue: HostQueue,
        calls: u32,
    }

    impl Sender {
        fn new(kvm: &Kvm, scene: &Scene, calls: u32, bytes: u32) -> Result<Self, Failure> {
            let id = 1 + scene.engine.domains().len() as u16;
            let (caller, memory) = domain(&scene.engine, id)?;
            let kernel = Image::check(kernels::calls(calls as u8), RAM)?;
            let shape = Shape { domain: caller.domain.id(), ram: RAM, vcpus: 1 };
            let machine = Machine::new(kvm, memory.clone(), shape, &kernel, "")?;
            let mut addresses = SendAddr::default();
            (addresses.src.domain_id, addresses.dst.aport) = (DOMID_ANY, 7);
            addresses.dst.domain_id = scene.receiver.domain.id().raw();
            write(&memory, ARGS, addresses.as_bytes())?;
            let iov = Iov { iov_hnd: PAYLOAD, iov_len: bytes, pad: 0 };
            write(&memory, LIST, iov.as_bytes())?;
            let slot = Slot { cmd: Op::Sendv as u32, args: [ARGS, LIST, 1, 0], ..Slot::default() };
            for number in 0..QUEUE_ENTRIES {
                memory.view().write(QueueLayout::new(0).slot(number) as usize, slot.as_bytes())?;
            }
            let vcpu = machine.vcpu(kvm, 0)?;
            Ok(Self { vcpu, caller, memory, queue: HostQueue::new(0), calls })
        }

        /// Seconds of a round, with no room wanting.
        fn round(&mut self, scene: &Scene) -> f64 {
            let mut time = Duration::ZERO;
            for _ in 0..EXITS {
                let begun = Instant::now();
                let exit = self.vcpu.run();
                assert_eq!(exit, Exit::Calls(0));
                self.serve(scene);
                time += begun.elapsed();
                scene.drain();
            }
            time.as_secs_f64()
        }

        fn serve(&mut self, scene: &Scene) {
            let view = self.memory.view();
            for _ in 0..self.queue.pending(&view).unwrap_or(0) {
                let slot = self.queue.take(&view);
                let ret = self.call(scene, &slot);
                self.queue.post(&view, Completion { tag: slot.tag, ret });
            }
            if self.calls > 0 {
                self.queue.publish(&view);
            }
        }

        fn call(&self, scene: &Scene, slot: &Slot) -> i64 {
            let [arg1, arg2, arg3, arg4] = slot.args;
            let ret = scene.engine.argo_op(&self.caller, slot.cmd, arg1, arg2, arg3, arg4);
            assert!(ret > 0, "a send: {ret}");
            ret
        }

        /// Seconds of as many calls, made by this process.
        fn without_exits(&self, scene: &Scene) -> f64 {
            let mut slot = Slot::default();
            let at = QueueLayout::new(0).slot(0);
            // It lies inside.
            let _ = self.memory.view().read(at as usize, slot.as_mut_bytes());
            let mut time = Duration::ZERO;
            for _ in 0..EXITS {
                let begun = Instant::now();
                for _ in 0..self.calls {
                    black_box(self.call(scene, black_box(&slot)));
                }
                time += begun.elapsed();
                scene.drain();
            }
            time.as_secs_f64()
        }
    }

    fn control() -> usize {
        control_bytes(1) as usize
    }

    fn domain(engine: &Engine<Bench>, id: u16) -> Result<(Caller<Bench>, Arc<Mapping>), Failure> {
        let memory = Mapping::create("exits", control() + RAM as usize)?.0;
        memory.populate()?;
        let memory = Arc::new(memory);
        let ram = LinearMemory::new(memory.clone(), control(), RAM / 4096)?;
        let id = DomainId::new(id).ok_or("a reserved id")?;
        let domain = engine.create_domain(id, Quotas::default(), Start::Active)?;
        Ok((Caller::new(domain, ram), memory))
    }

    fn write(memory: &Mapping, at: u64, bytes: &[u8]) -> Result<(), Failure> {
        Ok(memory.view().write(control() + at as usize, bytes)?)
    }
}
