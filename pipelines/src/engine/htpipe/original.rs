//! HtPipe's own numbers, each with where it comes from in commit eda3ee2 of `lib/ht_pipe.ex`.

use std::time::Duration;

/// HtPipe's times and losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HtPipe {
    /// The sleep between a call and the first look for its reply.
    pub call_sleep: Duration,
    /// How long a caller looks for a worker before it starts one.
    pub connect_wait: Duration,
    /// The sleep between two such looks.
    pub connect_poll: Duration,
    /// How long a caller looks for the worker that was started, before it gets `nil`.
    pub boot_wait: Duration,
    /// How long a caller looks for its reply, before it gets `nil`.
    pub call_timeout: Duration,
    /// A worker ends after this time, whatever it is at.
    pub life: Duration,
    /// So many calls of a new worker are lost, of those that wait for their reply.
    pub first_calls_lost: u32,
    /// So many calls are wrong after a worker's death, beside those it held: the foreign messages that its
    /// starter still gets after the exit status, and then the first calls of the next worker.
    pub wrong_after_death: u32,
}

/// `Process.sleep(100)` after each `Node.spawn` in `htp_p/3`; a warm call takes 101.0 ms.
pub const CALL_SLEEP: Duration = Duration::from_millis(100);
/// The default timeout of `wait_for_connect_htp_worker`, tried in full before `System.cmd` is.
pub const CONNECT_WAIT: Duration = Duration::from_millis(1000);
/// `Process.sleep(100)` in `wait_for_connect_htp_worker`.
pub const CONNECT_POLL: Duration = Duration::from_millis(100);
/// The same default timeout, tried once more after `System.cmd`.
pub const BOOT_WAIT: Duration = Duration::from_millis(1000);
/// The default of the option `:timeout` of `htp/2`.
pub const CALL_TIMEOUT: Duration = Duration::from_millis(5000);
/// `@sub_elixir_alive_time`: the worker's program is one sleep of this length.
pub const LIFE: Duration = Duration::from_secs(100);
/// A worker counts as ready when its node can be reached, before `mix run` has loaded the code: the call
/// dies of an undefined function, and its caller waits for [`CALL_TIMEOUT`]. Measured: one `nil`, and a
/// first correct result after 6589 ms.
pub const FIRST_CALLS_LOST: u32 = 1;
/// After `{ref, {output, 134}}` the `:DOWN` of the task that held the port is the result of one innocent
/// call, and [`FIRST_CALLS_LOST`] more are `nil`. Measured: two, and a correct result after 6775 ms.
pub const WRONG_AFTER_DEATH: u32 = 1 + FIRST_CALLS_LOST;

impl HtPipe {
    /// As the original is.
    pub const ORIGINAL: Self = Self {
        call_sleep: CALL_SLEEP,
        connect_wait: CONNECT_WAIT,
        connect_poll: CONNECT_POLL,
        boot_wait: BOOT_WAIT,
        call_timeout: CALL_TIMEOUT,
        life: LIFE,
        first_calls_lost: FIRST_CALLS_LOST,
        wrong_after_death: WRONG_AFTER_DEATH,
    };
}

impl Default for HtPipe {
    fn default() -> Self {
        Self::ORIGINAL
    }
}
