//! The suite that every engine passes: one named case for each promise of the port, and random
//! histories against the reference engine.
//!
//! An engine brings a [`fixture::Fixture`] and says `storage::conformance_suite!(its fixture);` in
//! one of its tests. Each case is told in its own words beside its name; [`shop::Shop`] is what
//! they all work with. Every case ends with a clean audit. Nothing here waits for luck: where
//! operations are to meet, the engine is held up until all of them are in its queue.

pub mod accounts;
pub mod browsing;
pub mod buckets;
pub mod clock;
pub mod deadlines;
pub mod durability;
pub mod feed;
pub mod fixture;
pub mod histories;
pub mod idempotency;
pub mod listings;
pub mod migrations;
pub mod order_lists;
pub mod orders;
pub mod races;
pub mod random;
pub mod requests;
pub mod shop;
pub mod stores;
pub mod terminals;

pub use clock::ManualClock;
pub use fixture::{Fixture, Opening};

/// Expands to one test for each case of the suite, in a module for each noun. The expression
/// makes a fresh [`Fixture`], and is evaluated once for each test.
#[macro_export]
macro_rules! conformance_suite {
    ($fixture:expr) => {
        $crate::conformance_cases! { $fixture;
            accounts {
                registering_opens_an_empty_account,
                registering_a_taken_id_is_refused,
                ids_differ_by_every_character,
                an_unknown_user_has_nothing,
                closing_an_unused_account_frees_its_id,
                a_freed_id_can_be_taken_many_times,
                closing_a_used_account_keeps_its_id,
                every_kind_of_use_keeps_an_id,
                closing_an_account_closes_its_stores,
                an_account_with_money_is_not_closed,
                an_account_with_open_orders_is_not_closed,
                changing_a_password_voids_earlier_proofs,
                a_password_changed_while_a_payment_is_under_way,
                funds_are_added_and_withdrawn,
                adding_nothing_changes_nothing,
                held_money_is_not_withdrawn,
                a_balance_stays_within_its_limit,
            }
            terminals {
                a_new_terminal_has_the_first_generation,
                a_logout_revokes_exactly_earlier_tokens,
                a_logout_concerns_one_terminal_only,
                a_logout_survives_a_restart,
                a_terminal_is_forgotten_with_its_last_token,
                a_logout_after_forgetting_revokes_again,
                forgetting_is_bounded,
            }
            buckets {
                what_is_poured_leaks_away,
                buckets_are_poured_into_apart,
                many_pour_at_once_and_all_of_it_counts,
                an_empty_bucket_is_forgotten,
                a_bucket_survives_a_restart,
            }
            stores {
                creating_a_store_opens_it,
                a_taken_store_id_is_refused,
                an_account_may_own_many_stores,
                one_of_many_gets_a_store_id,
            }
            listings {
                adding_a_listing_puts_it_on_the_shelves,
                a_listing_may_have_no_stock_and_no_price,
                adding_a_listing_is_refused,
                stores_list_the_same_book_apart,
                stock_is_added_and_corrected,
                adding_stock_is_refused,
                returned_copies_may_exceed_the_limit,
                an_update_replaces_what_it_names,
                an_empty_update_changes_nothing,
                an_unlisted_book_is_not_sold,
                updating_a_listing_is_refused,
                an_order_keeps_price_and_title,
                a_text_of_the_largest_size_is_kept,
            }
            orders {
                placing_an_order_takes_the_stock,
                placing_an_order_is_refused,
                a_refused_order_takes_nothing,
                an_order_may_have_a_thousand_books,
                an_order_lives_from_placed_to_received,
                cancelling_gives_everything_back,
                each_verb_in_each_state,
                verbs_are_for_their_parties_only,
                payment_needs_spendable_money,
                a_free_order_moves_no_money,
                a_seller_may_buy_from_himself,
                a_seller_at_his_limit_is_not_paid,
            }
            order_lists {
                orders_come_newest_first,
                orders_stored_late_stand_in_their_place,
                orders_come_page_by_page,
                orders_before_an_order_are_older,
                orders_are_listed_for_their_parties,
                orders_are_listed_by_state,
                orders_are_listed_as_of_now,
                a_long_history_can_be_walked,
            }
            browsing {
                open_stores_are_listed_by_id,
                a_sellers_stores_are_listed_by_id,
                a_stores_listings_come_newest_first,
                listings_of_all_stores_come_newest_first,
                a_books_listings_come_oldest_first,
                listings_that_are_not_on_sale_are_not_listed,
                what_is_off_the_shelves_is_listed_apart,
                a_books_offers_come_in_stock_and_cheap_first,
                a_walk_meets_each_listing_once,
                a_place_that_was_never_given_is_harmless,
                the_most_bought_come_first,
                movements_come_newest_first,
                movements_of_a_seller_who_buys_from_himself,
                a_long_statement_can_be_walked,
            }
            idempotency {
                the_same_request_is_done_once,
                a_kept_answer_outlives_its_circumstances,
                a_key_serves_for_one_body,
                a_key_is_of_one_user_and_endpoint,
                a_refusal_is_not_kept,
                an_answer_that_changed_nothing_is_not_kept,
                the_proof_comes_before_a_kept_answer,
                an_answer_is_kept_for_a_day,
                old_answers_are_forgotten,
                a_kept_answer_survives_a_restart,
                the_same_request_many_times_at_once,
                many_bodies_under_one_key_at_once,
                a_refusal_in_a_batch_is_not_kept,
            }
            deadlines {
                an_order_is_open_until_its_deadline,
                an_unpaid_order_is_cancelled_at_its_deadline,
                expiring_returns_the_stock_once,
                the_sweep_leaves_other_orders_alone,
                a_sent_order_is_received_at_its_deadline,
                concluding_releases_the_money_once,
                what_is_due_comes_earliest_first,
                a_finished_order_has_no_deadline,
                deadlines_survive_a_restart,
            }
            races {
                the_last_copy_wanted_by_many,
                a_stock_serves_no_more_than_it_has,
                one_order_paid_many_times,
                one_verb_many_times,
                cancelling_against_paying,
                cancelling_against_sending,
                funds_for_ten_of_forty_orders,
                a_balance_withdrawn_many_times,
                a_seller_pays_himself_many_times,
                overlapping_orders_in_opposite_orders,
                a_password_changed_against_payments,
                closing_against_ordering,
                two_sweeps_at_once,
                many_buyers_order_and_pay,
            }
            durability {
                everything_survives_a_restart,
                an_order_goes_on_after_restarts,
                closing_finishes_what_waits,
                a_full_queue_turns_away,
                an_operation_outlives_its_asker,
                the_secret_is_made_once,
                the_secret_is_the_same_for_all,
            }
            migrations {
                an_export_has_each_row_once,
                an_exported_page_is_bounded_in_bytes,
                nothing_has_nothing_to_export,
                a_shop_moves_out,
                a_shop_moves_in,
                a_shop_goes_on_where_it_moved,
                an_interrupted_migration_goes_on,
                a_part_is_written_once,
                a_used_storage_takes_no_shop,
                a_storage_with_a_secret_takes_no_shop,
                one_shop_moves_in_at_a_time,
            }
            feed {
                a_new_listing_comes_through,
                a_change_of_price_comes_through,
                a_change_of_text_comes_through,
                a_change_of_pictures_comes_through,
                leaving_the_shelves_comes_through,
                a_stock_at_its_end_comes_through,
                closing_a_store_comes_through,
                a_plain_sale_sends_nothing,
                an_update_to_the_same_sends_nothing,
                a_refused_operation_sends_nothing,
                changes_come_in_order_page_by_page,
                a_place_outlives_a_restart,
                an_unknown_place_is_lost,
                the_end_is_where_the_answered_ends,
                who_reads_everything_and_follows_misses_nothing,
                restored_listings_come_through,
                listings_are_found_many_at_a_time,
                texts_are_found_many_at_a_time,
                a_picture_is_found_while_it_is_shown,
            }
        }

        mod histories {
            use super::*;
            use $crate::conformance::histories;
            use $crate::conformance::shop::Shop;

            #[tokio::test(flavor = "multi_thread")]
            async fn the_engine_agrees_with_the_model() {
                let mut tally = histories::Tally::new();
                for seed in histories::SEEDS {
                    let shop = Shop::open($fixture).await;
                    histories::agree(&shop, seed, &mut tally).await;
                    shop.close().await;
                }
                histories::check_reach(&tally);
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn bursts_keep_the_books_balanced() {
                for seed in histories::SEEDS {
                    let shop = Shop::open($fixture).await;
                    histories::balance(&shop, seed).await;
                    shop.close().await;
                }
            }
        }
    };
}

/// One test for each case; see [`conformance_suite`].
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($fixture:expr; $($noun:ident { $($case:ident,)* })*) => {$(
        mod $noun {
            use super::*;

            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    let shop = $crate::conformance::shop::Shop::open($fixture).await;
                    $crate::conformance::$noun::$case(&shop).await;
                    shop.close().await;
                }
            )*
        }
    )*};
}
