//! What a ladder says of itself: the run heeds it before anything is sent on either side.

use jiff::Timestamp;

use super::{Ladder, Phase};
use crate::approval::{Approved, Intent};
use crate::ladder::{Posting, SideEnd, StopReason};
use crate::ports::OrderId;

impl Ladder {
    /// What it works.
    #[must_use]
    pub const fn intent(&self) -> &Approved<Intent> {
        &self.intent
    }

    /// Packages filled by orders that are proven over.
    #[must_use]
    pub const fn filled(&self) -> u32 {
        self.filled
    }

    /// Packages the broker has shown as filled, the order still out included.
    #[must_use]
    pub const fn filled_so_far(&self) -> u32 {
        match &self.phase {
            Phase::Working { rung, .. } | Phase::Cancelling { rung, .. } | Phase::Settling { rung, .. } => {
                self.filled + rung.shown_filled
            }
            _ => self.filled,
        }
    }

    /// An order of this side may be out that the broker does not show.
    #[must_use]
    pub const fn in_doubt(&self) -> bool {
        matches!(self.phase, Phase::Done(SideEnd::Unresolved(_)))
            || (matches!(self.phase, Phase::Locating { .. }) && self.stop.is_some())
    }

    /// Looks for an order whose outcome is unknown, or that no read has shown to be ours.
    #[must_use]
    pub const fn is_locating(&self) -> bool {
        matches!(self.phase, Phase::Locating { .. } | Phase::Naming { .. })
    }

    /// The rung whose order an answer named, while no read has shown it.
    #[must_use]
    pub const fn naming(&self) -> Option<&Posting> {
        match &self.phase {
            Phase::Naming { rung, .. } => Some(&rung.posting),
            _ => None,
        }
    }

    /// The order that is out, as far as it is known by id.
    #[must_use]
    pub const fn order(&self) -> Option<&OrderId> {
        match &self.phase {
            Phase::Naming { order, .. } | Phase::Working { order, .. } | Phase::Cancelling { order, .. } => {
                Some(order)
            }
            Phase::Settling { view, .. } => Some(&view.id),
            _ => None,
        }
    }

    /// What keeps it from sending anything more.
    #[must_use]
    pub const fn stopped_by(&self) -> Option<&StopReason> {
        self.stop.as_ref()
    }

    /// Ready for the next rung.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// How it ended, once it has.
    #[must_use]
    pub const fn end(&self) -> Option<&SideEnd> {
        match &self.phase {
            Phase::Done(end) => Some(end),
            _ => None,
        }
    }

    /// When it wants [`Event::Time`](super::Event::Time) next.
    #[must_use]
    pub const fn next_wake(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Resending { at, .. } | Phase::Locating { at, .. } | Phase::Pausing { until: at } => {
                Some(*at)
            }
            Phase::Naming { poll_at, .. }
            | Phase::Working { poll_at, .. }
            | Phase::Cancelling { poll_at, .. }
            | Phase::Settling { poll_at, .. } => Some(*poll_at),
            Phase::Ready | Phase::Posting(_) | Phase::Done(_) => None,
        }
    }
}
