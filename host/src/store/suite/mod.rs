//! One suite for every backend: what a store promises, whatever is behind it.
//!
//! Each case runs on a fresh database of each backend. PostgreSQL is started by `tests/postgres.sh`; a machine that
//! cannot run it fails these tests.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod changes;
mod documents;
mod past;
pub(crate) mod place;
mod requirements;
mod schema;
mod sessions;
mod several_nodes;
mod tokens;
mod transactions;

use super::*;
use place::{Place, Server};

macro_rules! cases {
    ($($group:ident: $($case:ident)*;)*) => {
        mod sqlite {
            $($(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    super::$group::$case(super::Place::sqlite()).await;
                }
            )*)*
        }
        mod postgres {
            $($(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    super::$group::$case(super::Place::postgres().await).await;
                }
            )*)*
        }
    };
}

cases! {
    schema: opening_again_keeps_everything a_newer_schema_is_refused nodes_that_start_together_migrate_once
            an_earlier_schema_is_brought_up;
    documents: what_is_put_is_found pages_hold_every_document_once expectations_are_kept second_names_are_unique_too
            a_change_keeps_who_made_a_document a_restored_stamp_is_kept members_follow_their_group_and_their_user
            a_deleted_realm_takes_everything_with_it documents_come_in_order_of_creation
            names_without_meaning_are_not_found settings_are_set_once_or_again
            a_setting_belongs_to_a_revision;
    changes: revisions_only_grow a_change_is_made_as_a_whole_or_not_at_all writers_wait_for_each_other
            no_update_is_lost no_half_of_a_change_is_seen a_view_stays_as_it_is only_one_makes_a_name
            a_large_change_is_surveyed_and_made_again;
    requirements: a_document_must_be_at_its_revision an_owner_must_own_nothing nothing_may_refer_to_what_goes
            documents_need_their_realm realms_need_the_one_above;
    past: revisions_tell_who_when_and_what a_difference_has_both_sides the_way_back_is_one_change
            a_deleted_realm_comes_back_with_its_policies users_do_not_come_back what_never_was_is_refused
            secrets_have_no_past every_revision_can_be_returned_to;
    sessions: sessions_are_found_used_changed_and_ended sessions_end_with_their_user
            uses_written_from_two_sides_do_not_fail no_change_of_a_session_is_lost
            changes_by_others_are_told_or_found;
    tokens: tokens_are_kept_until_they_expire revocations_are_numbered_and_counted
            tokens_end_with_whom_they_stand_for a_refresh_token_is_redeemed_by_one_only
            an_assertion_is_spent_once;
    transactions: a_transaction_is_confirmed_and_used_once transactions_are_few_and_end;
}

fn draft(kind: Kind, realm: &str, key: &str, body: &str) -> Draft {
    Draft {
        kind,
        realm: realm.into(),
        key: key.into(),
        name_key: format!("name of {key}"),
        name: key.to_uppercase(),
        owner: "set".into(),
        body: body.into(),
        secret: None,
        members: Vec::new(),
        stamp: None,
    }
}

fn policy(key: &str, body: &str) -> Draft {
    draft(Kind::Policy, "/", key, body)
}

fn realm(path: &str) -> Draft {
    draft(Kind::Realm, "", path, "{}")
}

fn put(draft: Draft) -> Write {
    Write::Put(Expect::Anything, draft)
}

fn delete(kind: Kind, realm: &str, key: &str) -> Write {
    Write::Delete {
        kind,
        realm: realm.into(),
        key: key.into(),
    }
}

fn session(hash: &str, realm: &str, user: &str, last_used: Millis) -> SessionRow {
    SessionRow {
        hash: hash.into(),
        realm: realm.into(),
        user_key: user.into(),
        created: 1,
        last_used,
        body: "{}".into(),
    }
}

/// Makes a change at the instant 1, so that revisions count up by one; gives the new one.
async fn change(store: &Arc<dyn Store>, writes: &[Write]) -> u64 {
    store
        .apply("tester", 1, "a test's change", writes)
        .await
        .unwrap()
        .revision
}

/// Keys and bodies of the policies of a realm.
async fn bodies(store: &Arc<dyn Store>, realm: &str) -> Vec<(String, String)> {
    let policies = store.objects(Kind::Policy, realm).await.unwrap();
    let mut bodies: Vec<_> = policies
        .into_iter()
        .map(|policy| (policy.key, policy.body))
        .collect();
    bodies.sort();
    bodies
}
