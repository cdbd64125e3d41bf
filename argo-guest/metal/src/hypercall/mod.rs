//! The instruction that enters Xen. All that is unsafe about it is in [`call`]'s contract.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::call;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::call;

/// The hypercalls that this crate makes (Xen's `public/xen.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Number {
    #[cfg(all(target_arch = "aarch64", feature = "start"))]
    MemoryOp = 12,
    #[cfg(all(target_arch = "x86_64", feature = "start"))]
    UpdateVaMapping = 14,
    XenVersion = 17,
    ConsoleIo = 18,
    #[cfg(feature = "vchan")]
    GrantTableOp = 20,
    #[cfg(all(target_arch = "aarch64", feature = "start"))]
    VcpuOp = 24,
    SchedOp = 29,
    EventChannelOp = 32,
    ArgoOp = argo_core::abi::HYPERCALL as u64,
}
