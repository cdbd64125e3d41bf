//! What a socket is ready for, as tokio says it.

bitflags::bitflags! {
    /// What to wait for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Interest: u8 {
        /// That something can be read, or accepted, or the end was reached.
        const READABLE = 1;
        /// That something can be written, or never will.
        const WRITABLE = 2;
    }
}

bitflags::bitflags! {
    /// What a socket is ready for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Ready: u8 {
        /// A read would not wait.
        const READABLE = 1;
        /// A write would not wait.
        const WRITABLE = 2;
        /// The peer writes no more, or this side reads no more. Data may be left to be read.
        const READ_CLOSED = 4;
        /// Nothing more can be written.
        const WRITE_CLOSED = 8;
    }
}

impl Ready {
    /// Whether a read would not wait.
    pub const fn is_readable(self) -> bool {
        self.contains(Self::READABLE)
    }

    /// Whether a write would not wait.
    pub const fn is_writable(self) -> bool {
        self.contains(Self::WRITABLE)
    }

    /// Whether nothing comes after what has come.
    pub const fn is_read_closed(self) -> bool {
        self.contains(Self::READ_CLOSED)
    }

    /// Whether nothing more can be written.
    pub const fn is_write_closed(self) -> bool {
        self.contains(Self::WRITE_CLOSED)
    }

    /// The part of it that concerns whoever has this interest.
    pub(crate) fn of_interest(self, interest: Interest) -> Self {
        let mut part = Self::empty();
        if interest.contains(Interest::READABLE) {
            part |= Self::READABLE | Self::READ_CLOSED;
        }
        if interest.contains(Interest::WRITABLE) {
            part |= Self::WRITABLE | Self::WRITE_CLOSED;
        }
        self & part
    }
}
