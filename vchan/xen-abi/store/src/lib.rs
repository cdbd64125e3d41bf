//! The C interface of Xen's store library, for programs on a machine without Xen.
