//! libxenvchan's C interface over the vchan crate.
