//! How large the two rings are and where they lie.

use crate::layout::{GRANTS_OFFSET, PAGE_ORDER, Ring};

/// The order of a ring: log2 of its bytes, 10 to 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order(u16);

impl Order {
    /// 1 KiB, in the shared page at offset 1024.
    pub const SMALL: Order = Order(10);
    /// 2 KiB, in the shared page at offset 2048.
    pub const LARGE: Order = Order(11);
    /// 4 KiB, the first order with granted pages of its own.
    pub const PAGE: Order = Order(PAGE_ORDER);
    /// 1 MiB: more would need more grants than the shared page can list.
    pub const MAX: Order = Order(20);

    /// Accepts 10 to 20.
    pub const fn new(order: u16) -> Option<Order> {
        if order >= Order::SMALL.0 && order <= Order::MAX.0 { Some(Order(order)) } else { None }
    }

    /// The number that stands in the shared page.
    pub const fn value(self) -> u16 {
        self.0
    }

    /// The ring's size in bytes.
    pub const fn size(self) -> u32 {
        1 << self.0
    }

    /// Granted pages that hold the ring; 0 for a ring inside the shared page.
    pub const fn pages(self) -> u16 {
        match self.in_page_offset() {
            Some(_) => 0,
            None => 1 << (self.0 - PAGE_ORDER),
        }
    }

    /// Where in the shared page the ring lies, in bytes, if it lies there. Both in-page rings
    /// begin at an offset equal to their size.
    const fn in_page_offset(self) -> Option<u32> {
        if self.0 < PAGE_ORDER { Some(self.size()) } else { None }
    }

    /// The smallest order with granted pages that holds `minimum` bytes.
    fn with_pages(ring: Ring, minimum: usize) -> Result<Order, MinimumTooBig> {
        (PAGE_ORDER..=Order::MAX.0)
            .map(Order)
            .find(|order| minimum <= order.size() as usize)
            .ok_or(MinimumTooBig { ring, minimum, maximum: Order::MAX.size() })
    }
}

/// Where a ring's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Inside the shared page, `offset` bytes from its start.
    InPage {
        /// Bytes from the start of the shared page.
        offset: u32,
    },
    /// In pages of its own, whose grant references stand in consecutive entries of the list.
    Granted {
        /// The first page's entry in the grant list.
        first: u16,
        /// How many pages, each of [`PAGE_SIZE`](crate::layout::PAGE_SIZE) bytes.
        pages: u16,
    },
}

/// A legal pair of orders, and all that follows from it. It is `Copy`: a side copies the orders
/// from the shared page once and never looks at them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    left: Order,
    right: Order,
}

impl Geometry {
    /// Both rings inside the shared page: 1 KiB to the server, 2 KiB to the client.
    pub const IN_PAGE: Geometry = Geometry { left: Order::SMALL, right: Order::LARGE };

    /// Checks a pair of orders.
    ///
    /// # Errors
    /// An order outside 10 to 20, two rings in the same place of the shared page, or a grant list
    /// that would run into an in-page ring.
    pub fn new(left: u16, right: u16) -> Result<Geometry, GeometryError> {
        let left = checked(Ring::Left, left)?;
        let right = checked(Ring::Right, right)?;
        if left == right
            && let Some(offset) = left.in_page_offset()
        {
            return Err(GeometryError::SamePlace { order: left.value(), offset });
        }
        let geometry = Geometry { left, right };
        geometry.check_grant_list(Ring::Left)?;
        geometry.check_grant_list(Ring::Right)?;
        Ok(geometry)
    }

    /// Chooses the orders for rings of at least so many bytes, as the C library's server does: the
    /// in-page pair when both fit, one in-page ring of 2 KiB when one side fits in it, else pages.
    ///
    /// # Errors
    /// A minimum above 1 MiB.
    pub fn for_minimums(left: usize, right: usize) -> Result<Geometry, MinimumTooBig> {
        let fits = |minimum: usize, order: Order| minimum <= order.size() as usize;
        let large_small = Geometry { left: Order::LARGE, right: Order::SMALL };
        if fits(left, Order::SMALL) && fits(right, Order::LARGE) {
            return Ok(Geometry::IN_PAGE);
        }
        if fits(left, Order::LARGE) && fits(right, Order::SMALL) {
            return Ok(large_small);
        }
        let mut chosen = Geometry {
            left: Order::with_pages(Ring::Left, left)?,
            right: Order::with_pages(Ring::Right, right)?,
        };
        if fits(left, Order::LARGE) {
            chosen.left = Order::LARGE;
        } else if fits(right, Order::LARGE) {
            chosen.right = Order::LARGE;
        }
        Ok(chosen)
    }

    /// Checks the orders that stand in a shared page, given the value of
    /// [`Word::ORDERS`](crate::Word::ORDERS).
    ///
    /// # Errors
    /// As [`Geometry::new`].
    pub fn from_word(orders: u32) -> Result<Geometry, GeometryError> {
        let [a, b, c, d] = orders.to_le_bytes();
        Geometry::new(u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))
    }

    /// The value of [`Word::ORDERS`](crate::Word::ORDERS) for this pair.
    pub const fn to_word(self) -> u32 {
        self.left.value() as u32 | (self.right.value() as u32) << 16
    }

    /// The order of one ring.
    pub const fn order(self, ring: Ring) -> Order {
        match ring {
            Ring::Left => self.left,
            Ring::Right => self.right,
        }
    }

    /// Where one ring lies. The left ring's pages come first in the grant list.
    pub const fn place(self, ring: Ring) -> Place {
        let order = self.order(ring);
        match (order.in_page_offset(), ring) {
            (Some(offset), _) => Place::InPage { offset },
            (None, Ring::Left) => Place::Granted { first: 0, pages: order.pages() },
            (None, Ring::Right) => {
                Place::Granted { first: self.left.pages(), pages: order.pages() }
            }
        }
    }

    /// Entries of the grant list: 0 to [`MAX_GRANTS`](crate::layout::MAX_GRANTS).
    pub const fn grants(self) -> u16 {
        self.left.pages() + self.right.pages()
    }

    /// The first byte of the shared page after the grant list.
    #[allow(clippy::cast_possible_truncation, reason = "a place in a page")]
    pub const fn grant_list_end(self) -> u32 {
        GRANTS_OFFSET as u32 + 4 * self.grants() as u32
    }

    fn check_grant_list(self, ring: Ring) -> Result<(), GeometryError> {
        let (grants, list_end) = (self.grants(), self.grant_list_end());
        match self.place(ring) {
            Place::InPage { offset } if list_end > offset => {
                Err(GeometryError::GrantsOverlap { ring, offset, grants, list_end })
            }
            _ => Ok(()),
        }
    }
}

fn checked(ring: Ring, order: u16) -> Result<Order, GeometryError> {
    Order::new(order).ok_or(GeometryError::Order { ring, order })
}

/// Why a pair of orders is illegal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// An order outside the range that the format has.
    #[error("order {order} of the {ring} ring is not in 10..=20")]
    Order {
        /// Which ring.
        ring: Ring,
        /// The order found.
        order: u16,
    },
    /// Both rings would be in the same bytes of the shared page.
    #[error("both rings have order {order} and would share offset {offset} of the page")]
    SamePlace {
        /// The order of both.
        order: u16,
        /// Where both would begin, in bytes.
        offset: u32,
    },
    /// The grant list for one ring runs into the other one.
    #[error("{grants} grants end at offset {list_end}, beyond the {ring} ring's begin at {offset}")]
    GrantsOverlap {
        /// The ring inside the page.
        ring: Ring,
        /// Where that ring begins, in bytes.
        offset: u32,
        /// Entries of the grant list.
        grants: u16,
        /// Where the list ends, in bytes.
        list_end: u32,
    },
}

/// A ring was asked for that is larger than the format allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{minimum} bytes for the {ring} ring, {maximum} at most")]
pub struct MinimumTooBig {
    /// Which ring.
    pub ring: Ring,
    /// The bytes asked for.
    pub minimum: usize,
    /// The bytes of the largest ring.
    pub maximum: u32,
}
