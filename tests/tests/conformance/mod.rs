//! What every broker's adapter promises behind the `Broker` port, tried over the simulated brokers' HTTP
//! faces: one list of cases for all.
//!
//! A case knows the port and [`Desk`], never which broker it is at; what brokers differ in by nature stands
//! in [`nature::Nature`]. Every case looks at both sides: what the port answered, and what the broker's own
//! books say. Another broker is one more implementation of [`nature::BrokerAtHand`] and one more line at the
//! end of this file.

mod access;
mod cancels;
mod closing;
mod desk;
mod lists;
mod nature;
mod orders;
mod quotes;
mod recovery;
mod schwab;
mod streams;
mod tastytrade;
mod tokens;
mod truths;
mod unknown;

use desk::Desk;

macro_rules! tests_of {
    ($desk:expr; $($room:ident: [$($case:ident),+ $(,)?]),+ $(,)?) => {
        $($(
            #[tokio::test]
            async fn $case() {
                crate::conformance::$room::$case(&$desk.await).await;
            }
        )+)+
    };
}

/// The cases that every broker passes.
macro_rules! every_broker {
    ($broker:expr) => {
        tests_of! { crate::conformance::Desk::at($broker);
            orders: [
                an_accepted_order_is_shown_as_it_was_sent,
                a_refused_order_does_not_exist,
                an_order_rejected_later_says_why_and_filled_nothing,
                a_part_that_filled_is_counted_and_priced_and_survives_the_cancel,
                a_filled_order_is_in_positions_and_equity,
                what_cannot_be_done_is_refused_before_any_request,
            ],
            closing: [
                what_was_opened_is_closed_and_nothing_more,
                closing_what_is_gone_closes_nothing,
            ],
            cancels: [
                a_fill_may_win_against_a_cancel,
                an_order_that_filled_first_refuses_the_cancel_and_reads_filled,
                an_order_that_is_over_cannot_be_cancelled,
                a_cancel_asked_for_twice_happens_once,
                a_cancel_of_unknown_outcome_leaves_the_order_readable,
            ],
            unknown: [
                an_answer_that_proves_nothing_is_unknown_and_the_order_is_sent_once,
                an_order_that_shows_up_late_is_found,
                what_hangs_ends_as_unknown_within_its_own_timeouts,
            ],
            lists: [
                a_list_is_whole_however_long,
                a_list_that_cannot_be_read_whole_is_an_error,
                orders_of_others_are_read_and_not_taken_for_ours,
                an_order_of_an_earlier_day_is_among_those_that_work,
                rows_of_others_that_do_not_read_hide_nothing,
            ],
            truths: [
                a_word_nobody_knows_is_not_the_end_of_an_order,
                an_order_is_settled_only_with_all_of_its_fills,
                an_order_replaced_by_somebody_else_lives_on_under_another_id,
                an_id_that_is_not_ours_reads_as_what_it_is,
                positions_that_lag_are_told_as_the_broker_shows_them,
            ],
            access: [
                an_expired_token_is_refreshed_once_and_reads_go_on,
                an_order_refused_for_its_token_does_not_exist_and_the_next_is_accepted,
                a_dead_refresh_token_says_what_a_person_must_do,
                reads_wait_as_long_as_the_broker_asks_and_an_order_is_not_sent_again,
                an_edge_page_is_no_answer,
                seconds_of_401_pass_and_refreshes_stay_few,
                an_empty_success_is_no_answer,
            ],
            quotes: [
                quotes_are_the_markets_and_what_is_not_quoted_is_absent,
                a_bid_of_nothing_is_a_price,
            ],
            recovery: [
                a_run_that_nothing_disturbs_trades,
                a_run_killed_after_its_post_is_recovered_without_a_second_order,
            ],
        }
    };
}

/// The cases of brokers whose face can tell one fill twice.
macro_rules! fills_by_name {
    ($broker:expr) => {
        tests_of! { crate::conformance::Desk::at($broker);
            truths: [a_fill_told_twice_counts_once],
        }
    };
}

/// The cases of adapters that ask for quotes over REST alone.
macro_rules! quotes_over_rest {
    ($broker:expr) => {
        tests_of! { crate::conformance::Desk::at($broker);
            quotes: [odd_quotes_are_told_as_the_broker_tells_them],
        }
    };
}

/// The cases of adapters that ask a stream before REST.
macro_rules! streaming {
    ($broker:expr) => {
        tests_of! { crate::conformance::Desk::at($broker);
            streams: [
                what_the_stream_knows_is_not_asked_for_again,
                what_the_stream_leaves_open_comes_from_rest,
                a_stream_that_gives_nothing_is_waited_for_only_so_long,
            ],
        }
    };
}

mod at_schwab {
    every_broker!(&crate::conformance::schwab::AtSchwab);
    quotes_over_rest!(&crate::conformance::schwab::AtSchwab);
}

mod at_tastytrade {
    every_broker!(&crate::conformance::tastytrade::AtTastytrade::OVER_REST);
    quotes_over_rest!(&crate::conformance::tastytrade::AtTastytrade::OVER_REST);
    fills_by_name!(&crate::conformance::tastytrade::AtTastytrade::OVER_REST);
}

mod at_tastytrade_with_a_stream {
    every_broker!(&crate::conformance::tastytrade::AtTastytrade::STREAMING);
    fills_by_name!(&crate::conformance::tastytrade::AtTastytrade::STREAMING);
    streaming!(&crate::conformance::tastytrade::AtTastytrade::STREAMING);
}
