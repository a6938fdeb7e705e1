//! What an operator decides and sees: arming, halts, schedules, status. Use cases over ports; adapters belong
//! to `gamma-cloud`.
//!
//! [`Operator`] has them all. The operator's function and the command `gamma` put the same ports behind it.

mod error;
mod local;
mod login;
mod names;
mod operator;
mod ports;
mod schedule;
pub mod story;

pub use error::OperatorError;
pub use local::{Announced, LocalStack, LocalStackError};
pub use login::{DocumentShape, Login, LoginDocumentError, LoginTimes};
pub use names::{Names, ScheduleKind};
pub use operator::{
    AccountStatus, ArmedSince, EdgeStanding, Halted, Known, LONGEST, LastRun, LoginStatus, OpenIntent,
    Operator, OperatorPorts, Recovery, ScheduleStatus, Status, Switch, SwitchResult, Switched, Who,
};
pub use ports::{Answered, Days, FunctionError, Invocations, ScheduleFault, Schedules, Sessions, Wait};
pub use schedule::{Cron, Expression, ExpressionError, Fire, NextFire, RateUnit, Schedule};
