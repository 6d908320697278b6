//! Verdicts on small theories, held against trying every value.

use berth_compiler::logic::{Deciding as _, Domain, Relation, Statement, Theory, Verdict};
use berth_solvers::Highs;
use num_rational::BigRational;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Variables of a theory, each in `0..VALUES`.
const VARIABLES: usize = 3;
const VALUES: i64 = 4;

fn number(value: i64) -> BigRational {
    BigRational::from_integer(value.into())
}

fn comparison() -> impl Strategy<Value = Statement> {
    let terms = prop::collection::vec((-3..=3_i64, 0..VARIABLES), 1..=3);
    (terms, 0..3_usize, -6..=6_i64).prop_map(|(terms, relation, limit)| Statement::Compare {
        terms: terms.into_iter().map(|(by, variable)| (number(by), variable)).collect(),
        relation: [Relation::AtMost, Relation::Below, Relation::Equal][relation],
        limit: number(limit),
    })
}

fn statement() -> impl Strategy<Value = Statement> {
    comparison().prop_recursive(2, 8, 3, |inner| {
        let parts = || prop::collection::vec(inner.clone(), 1..=3);
        prop_oneof![
            parts().prop_map(Statement::All),
            parts().prop_map(Statement::Any),
            inner.clone().prop_map(|part| Statement::Not(Box::new(part))),
        ]
    })
}

/// `0 <= variable < VALUES`, for each.
fn within() -> Vec<Statement> {
    let bound = |by: i64, variable, limit| Statement::Compare {
        terms: vec![(number(by), variable)],
        relation: Relation::AtMost,
        limit: number(limit),
    };
    (0..VARIABLES).flat_map(|variable| [bound(-1, variable, 0), bound(1, variable, VALUES - 1)]).collect()
}

/// Whether any values satisfy all of `statements`.
fn can_hold(statements: &[&Statement]) -> bool {
    (0..VALUES.pow(VARIABLES as u32)).any(|point| {
        let values: Vec<BigRational> =
            (0..VARIABLES as u32).map(|variable| number(point / VALUES.pow(variable) % VALUES)).collect();
        statements.iter().all(|statement| statement.holds(&values))
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        rng_seed: RngSeed::Fixed(2026),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_verdict_is_what_trying_every_value_says(statements in prop::collection::vec(statement(), 1..=5)) {
        let theory =
            Theory { variables: vec![Domain::Whole; VARIABLES], axioms: within(), statements: statements.clone() };
        match Highs::default().decide(&theory) {
            Verdict::Satisfiable(values) => {
                for statement in theory.axioms.iter().chain(&theory.statements) {
                    prop_assert!(statement.holds(&values));
                }
            }
            Verdict::Unsatisfiable(core) => {
                let core: Vec<&Statement> = core.into_iter().map(|index| &statements[index]).collect();
                prop_assert!(!can_hold(&core));
            }
            Verdict::Undecided => prop_assert!(false, "z3 gave up on a small theory"),
        }
    }
}

#[test]
fn reals_lie_between_whole_numbers() {
    let half =
        Statement::Compare { terms: vec![(number(2), 0)], relation: Relation::Equal, limit: number(1) };
    let theory =
        |domain| Theory { variables: vec![domain], axioms: Vec::new(), statements: vec![half.clone()] };
    let found = Highs::default().decide(&theory(Domain::Real));
    assert_eq!(found, Verdict::Satisfiable(vec![BigRational::new(1.into(), 2.into())]));
    assert_eq!(Highs::default().decide(&theory(Domain::Whole)), Verdict::Unsatisfiable(vec![0]));
}
