//! [`Amount`]: so many files, so many bytes.

/// So many files and folders, taking so much space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// The space they take on the disk, in bytes.
    pub bytes: u64,
}

impl Amount {
    /// With one more of this size.
    #[must_use]
    pub const fn plus(self, bytes: u64) -> Self {
        Self { count: self.count.saturating_add(1), bytes: self.bytes.saturating_add(bytes) }
    }

    /// Whether it is no more than this.
    #[must_use]
    pub const fn is_within(self, limit: Self) -> bool {
        self.count <= limit.count && self.bytes <= limit.bytes
    }
}
