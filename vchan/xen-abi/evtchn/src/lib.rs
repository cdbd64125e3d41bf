//! The C interface of Xen's evtchn library, for programs on a machine without Xen.
