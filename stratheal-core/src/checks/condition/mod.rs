//! The language of `warn_if` and `crit_if`: `latency > 300ms`, `used > 85% clear 83%`, `body.state != "ok"`.
//!
//! ```text
//! condition = operand operator value [ "clear" value ]  |  has(path)
//! operand   = path | len(path) | has(path)
//! path      = key { "." key | [ index ] | [ "key" ] } | key [ instance ]
//! operator  = == != < <= > >= ~ !~
//! value     = quantity | true | false | null | word | "text"
//! ```
//! A path names a metric first and a fact otherwise. `used` covers the metric `used` and every `used[...]`; `used[/var]` only
//! that one. Inside `"text"`, `\"` and `\\` stand for the character itself; any other backslash is kept, so that regular
//! expressions need no doubling.

mod compare;
mod fits;
mod operand;
mod parse;
mod parsed;

pub(super) use compare::{compare_fact, compare_metric, threshold};
pub(super) use operand::{Function, Operand, found};
pub use parsed::{Condition, InvalidCondition};
use parsed::{Literal, LiteralKind, Operator};
