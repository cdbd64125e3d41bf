//! The C interface of Xen's gnttab library, for programs on a machine without Xen.
