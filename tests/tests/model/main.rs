//! Random lives of a cache beside the reference model: every decision, lease, timer and settled waiter is compared.
#![expect(clippy::expect_used, clippy::panic, reason = "a model that cannot follow has found something")]

mod reference;
mod subject;

use proptest::prelude::*;

use subject::{Input, Subject, Times};

fn times() -> impl Strategy<Value = Times> {
    let lifetime = prop_oneof![
        Just(10_i64),
        1..10_000_i64,
        Just(61_000),
        Just(299_000),
        Just(600_000),
        Just(3_600_000),
        Just(7_200_000),
        Just(86_400_000),
    ];
    let hint = prop_oneof![3 => Just(None), 1 => (-10..120_i64).prop_map(Some)];
    let issued = prop_oneof![3 => Just(None), 1 => Just(Some(-3_000_000_i64)), 1 => Just(Some(1))];
    (lifetime, hint, issued, prop::bool::weighted(0.3), 0..3_u32).prop_map(
        |(lifetime, hint_percent, issued, unchanged, session)| Times {
            lifetime,
            hint: hint_percent.map(|percent| lifetime * percent / 100),
            issued,
            unchanged,
            session,
        },
    )
}

fn input() -> impl Strategy<Value = Input> {
    let ask = (0..3_usize, 0..2_usize, prop_oneof![4 => Just(None), 1 => (0..2_usize).prop_map(Some)])
        .prop_map(|(credential, scope, claims)| Input::Ask { credential, scope, claims });
    let duration = prop_oneof![
        Just(1_i64),
        0..1_000_i64,
        Just(5_000),
        0..60_000_i64,
        Just(240_000),
        Just(3_240_000),
        Just(40_000_000),
    ];
    let stability = prop_oneof![12 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))];
    let pause = prop_oneof![3 => Just(0_i64), 1 => 1..400_000_i64];
    prop_oneof![
        12 => ask,
        6 => (0..8_usize, times(), stability.clone())
            .prop_map(|(flight, times, moved)| Input::Grant { flight, times, moved }),
        2 => (0..8_usize, prop::bool::ANY, pause, stability.clone())
            .prop_map(|(flight, network, pause, moved)| Input::Fail { flight, network, pause, moved }),
        1 => (0..8_usize, stability).prop_map(|(flight, moved)| Input::Null { flight, moved }),
        1 => (0..8_usize, prop_oneof![Just(0_i64), Just(-5), Just(1_700_000_000), Just(1_500_000_000_000)])
            .prop_map(|(flight, expires)| Input::Nonsense { flight, expires }),
        6 => duration.prop_map(Input::Pass),
        3 => Just(Input::PassToTimeout),
        3 => Just(Input::Timeout),
        3 => (0..20_usize).prop_map(Input::Leave),
        1 => (0..8_usize).prop_map(Input::Started),
        1 => prop_oneof![Just(2_001_i64), Just(600_000), Just(3_600_000)].prop_map(Input::Suspend),
        1 => prop_oneof![Just(2_001_i64), Just(600_000), Just(3_600_000)].prop_map(Input::SetBack),
        1 => (0..3_usize).prop_map(Input::ChangeIdentity),
        1 => (0..3_usize, 0..3_u32).prop_map(|(credential, session)| Input::Touch { credential, session }),
        1 => (0..3_usize, 0..2_usize).prop_map(|(credential, scope)| Input::Invalidate { credential, scope }),
        2 => Just(Input::Spurious),
    ]
}

/// `PROPTEST_CASES` may ask for more.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(1_000), ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn core_does_what_the_table_says(
        azure_identity in prop::bool::weighted(0.3),
        inputs in prop::collection::vec(input(), 1..80),
    ) {
        let mut subject = Subject::new(azure_identity);
        for input in &inputs {
            subject.perform(input);
        }
        subject.settle_everyone();
    }
}
