//! What is named by code that was compiled for programs that unwind. Nothing here does.

/// The core library names it, since it was compiled for programs that unwind. Nothing here does.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As [`rust_eh_personality`].
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    unreachable!("a guest's panic aborts")
}
