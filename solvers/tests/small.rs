//! Small packings whose answers are derived by hand.

mod text;

use insta::assert_snapshot;
use text::{feasible, levels, solve};

#[test]
fn four_copies_of_3_cores_need_two_boxes_of_8() {
    // Two fit on a box (6 of 8); four need two boxes: 2 * 0.19.
    assert_snapshot!(solve("
resources cpu core/1000
machine box 3x cpu 8000 price 0.19
item web most 4 cpu 3000
row web >= 4
level bill: price
"), @"
    box[1]: 2 web
    box[2]: 2 web
    bill = 0.38, bound 0.38 (linear dual)
    ");
}

#[test]
fn three_shares_of_two_fifths_need_two_devices() {
    // 0.4 + 0.4 <= 1 < 3 * 0.4: one machine with two devices, or two with one.
    assert_snapshot!(solve("
resources cpu core/1000
machine pair 2x cpu 64000 devices 2 class 0 price 3
item small most 3 cpu 1000 share 400
row small == 3
level bill: price
"), @"
    pair[1]: small #0, small #1, small #1
    bill = 3, bound 3 (linear dual)
    ");
}

#[test]
fn the_higher_priority_is_served_first() {
    // 8 cores: three of `first` take 6, then one of `second` (2) fits of three; two are missing.
    assert_snapshot!(levels("
resources cpu core/1000
machine box 1x cpu 8000 price 1
item second most 3 cpu 2000
item first most 3 cpu 2000
wish first >= 3 distance
wish second >= 3 distance
level first: wish0
level second: wish1
level bill: price
"), @"
    first = 0, bound 0 (trivial)
    second = 2, bound 2 (linear dual)
    bill = 1, bound 1 (linear dual)
    ");
}

#[test]
fn a_wish_worth_less_than_a_machine_is_not_bought() {
    // A second box costs 0.19; the copy missing costs 0.10 an hour: 0.19 + 0.10 < 0.38. The relaxation
    // buys 1.5 boxes (two copies each): 0.285, and a bill is a multiple of 0.01.
    assert_snapshot!(levels("
resources cpu core/1000
machine box 3x cpu 8000 price 0.19
item web most 3 cpu 3000
wish web >= 3 distance
level bill: price + 0.10 wish0
"), @"bill = 0.29, bound 0.29 (linear dual)");
}

#[test]
fn too_little_capacity_is_shown_by_farkas() {
    // 10 copies of 4 cores on 3 boxes of 8: only 24 of 40 cores are there.
    assert_snapshot!(feasible("
resources cpu core/1000
machine box 3x cpu 8000 price 0.19
item api most 20 cpu 1000
item web most 20 cpu 4000
row api >= 1
row web >= 10
level bill: price
"), @"
    infeasible (farkas):
    machine box 3x cpu 8000 price 0.19
    row web >= 10
    ");
}
