//! The linear relaxation: its rows as text, and the bounds that multipliers written by hand give.

mod text;

use berth_compiler::problem::{Packing, Relation};
use berth_compiler::problem_description::{describe, number};
use berth_compiler::relaxation::{Counted, Goal, Relaxation, dual_bound, farkas, proved, relaxation};
use insta::assert_snapshot;
use text::{packing, rational};

const BOXES: &str = "
resources cpu core/1000
machine box 3x cpu 8000 price 0.19
item web most 4 cpu 3000
wish web >= 4 distance
level unmet: wish0
level bill: price
";

/// One line for each column and row.
fn shown(packing: &Packing, relaxation: &Relaxation) -> String {
    let name = |column: usize| match relaxation.columns[column].counts {
        Counted::Copies { item, choice, group } => {
            format!("x[{},{choice},{group}]", packing.items[item].name)
        }
        Counted::Unplaceable { item, choice } => format!("x[{},{choice},nowhere]", packing.items[item].name),
        Counted::Machines { group } => format!("u[{group}]"),
        Counted::SpreadOver { item, division } => {
            format!("z[{},{}]", packing.items[item].name, packing.divisions[division].name)
        }
        Counted::Spread { item, group } => format!("z[{},{group}]", packing.items[item].name),
        Counted::Shortfall { wish } => format!("e[{wish}]"),
        Counted::Moved { item } => format!("v[{}]", packing.items[item].name),
        Counted::Kept { item, group } => format!("k[{},{group}]", packing.items[item].name),
    };
    let sum = |terms: &[(usize, num_rational::BigRational)]| {
        let terms: Vec<String> =
            terms.iter().map(|(column, factor)| format!("{} {}", number(factor), name(*column))).collect();
        terms.join(" + ")
    };
    let mut text = format!("minimise {}", sum(&relaxation.objective));
    if let Some(step) = &relaxation.step {
        text += &format!(" in steps of {}", number(step));
    }
    text = text.trim_end().to_owned() + "\n";
    for (index, column) in relaxation.columns.iter().enumerate() {
        text += &format!("{} <= {}\n", name(index), number(&column.upper));
    }
    for (index, row) in relaxation.rows.iter().enumerate() {
        let relation = match row.relation {
            Relation::AtMost => "<=",
            Relation::AtLeast => ">=",
            Relation::Equal => "==",
        };
        text += &format!("{index}: {} {relation} {}\n", sum(&row.terms), number(&row.bound));
    }
    text
}

fn bill() -> Relaxation {
    relaxation(&packing(BOXES), Goal::Level { level: 1, frozen: &[rational("0")] })
}

#[test]
fn rows_of_a_bill() {
    // 3 of 8 cores each; k = 2 makes 9/8 a half; two copies fit; the wish is frozen at 0.
    assert_snapshot!(shown(&packing(BOXES), &bill()), @"
    minimise 0.19 u[0] in steps of 0.19
    x[web,0,0] <= 4
    u[0] <= 3
    e[0] <= 4
    0: 0.375 x[web,0,0] + -1 u[0] <= 0
    1: 0.5 x[web,0,0] + -1 u[0] <= 0
    2: 1 x[web,0,0] + -2 u[0] <= 0
    3: 1 x[web,0,0] + 1 e[0] >= 4
    4: 1 e[0] <= 0
    ");
}

#[test]
fn a_bound_by_hand() {
    // Row 4 asks for four copies (the frozen shortfall is 0), row 2 lets two stand on a machine: with
    // multipliers 0.095 on the wish, -0.095 on the fit and -0.095 on the freeze, 4 * 0.095 = 0.38.
    let relaxation = bill();
    let by = |text: &str| -> Vec<_> {
        text.split_whitespace()
            .map(|word| {
                let (row, by) = word.split_once(':').unwrap();
                (row.parse().unwrap(), rational(by))
            })
            .collect()
    };
    let shown = |text: &str| number(&dual_bound(&relaxation, &by(text)));
    let fit = relaxation.rows.iter().position(|row| {
        row.bound == rational("0") && row.terms.len() == 2 && row.terms[1].1 == rational("-2")
    });
    assert_eq!(fit, Some(2));
    assert_eq!(shown("2:-0.095 3:0.095 4:-0.095"), "0.38");
    // Without the freeze the shortfall, up to 4, may be paid instead: 0.38 - 4 * 0.095.
    assert_eq!(shown("2:-0.095 3:0.095"), "0");
    // Multipliers of the wrong sign count as 0, as do those of rows that do not exist.
    assert_eq!(shown("2:0.095 3:-7 99:3"), "0");
    // Any valid multipliers bound: half of them give half, raised to a multiple of 0.19.
    assert_eq!(shown("2:-0.0475 3:0.0475 4:-0.0475"), "0.19");
    assert_eq!(shown("2:-0.05 3:0.05 4:-0.05"), "0.2");
    assert_eq!(number(&proved(&relaxation, &by("2:-0.05 3:0.05 4:-0.05"))), "0.38");
}

#[test]
fn a_contradiction_by_hand() {
    let problem = packing(
        "
resources cpu core/1000
machine box 3x cpu 8000
item web most 20 cpu 3500
row web >= 7
",
    );
    let relaxation = relaxation(&problem, Goal::Feasibility);
    assert_snapshot!(shown(&problem, &relaxation), @"
    minimise
    x[web,0,0] <= 6
    0: 0.4375 x[web,0,0] <= 3
    1: 0.5 x[web,0,0] <= 3
    2: 1 x[web,0,0] >= 7
    ");
    // At most six copies (the upper bound), seven asked for: the row alone contradicts the column.
    assert!(farkas(&relaxation, &[(relaxation.rows.len() - 1, rational("1"))]));
    assert!(!farkas(&relaxation, &[(0, rational("-1"))]));
    assert!(!farkas(&relaxation, &[]));
}

#[test]
fn the_text_of_a_problem() {
    assert_snapshot!(describe(&packing("
resources cpu core/1000, memory byte
machine box 3x cpu 8000 memory 34359738368 price 0.19
machine gpu 1x cpu 96000 memory 500000000000 devices 8 class 0 price 31.2
item web most 4 cpu 500 memory 1073741824
item embed most 2 cpu 4000 share 400
item chat most 9
  form tensor_2 cpu 1000 whole 2 on 0
  form tensor_8 cpu 1000 whole 8 on 0
row web >= 2
row 4830 chat.tensor_2 + 17710 chat.tensor_8 >= 20000
row spread(web) >= 2
row price <= 40
wish web == 4 distance
wish embed >= 2 unmet
level unmet: wish1
level bill: price + 0.4 wish0 gap 0.01
")), @"
    packing: 4 machines in 2 classes, 3 items, 4 rows, 2 wishes, 2 levels
    machine 3x box[1] .. box[3]: cpu 8 core memory 32 GiB price 0.19
    machine 1x gpu: cpu 96 core memory 500 GB devices 8 class 0 price 31.2
    item web: at most 4; cpu 0.5 core memory 1 GiB
    item embed: at most 2; cpu 4 core share 0.4
    item chat: at most 9; 2 forms
      tensor_2: cpu 1 core devices 2 on classes 0
      tensor_8: cpu 1 core devices 8 on classes 0
    row copies of web >= 2
    row 4830 * copies of chat as tensor_2 + 17710 * copies of chat as tensor_8 >= 20000
    row machines that hold web >= 2
    row price <= 40
    wish 0: copies of web == 4, by distance
    wish 1: copies of embed >= 2, met or not
    minimise unmet [1]: shortfall of wish 1
    minimise bill [1]: price + 0.4 * shortfall of wish 0 within 0.01
    ");
}

#[test]
fn long_sums_are_folded() {
    let wishes: Vec<String> = (0..12).map(|wish| format!("wish{wish}")).collect();
    let mut text = String::from("resources cpu core\nitem web most 12\n");
    (0..12).for_each(|least| text += &format!("wish web >= {least} distance\n"));
    text += &format!("level unmet: {}\n", wishes.join(" + "));
    let described = describe(&packing(&text));
    let level: Vec<&str> = described.lines().skip_while(|line| !line.starts_with("minimise")).collect();
    assert_snapshot!(level.join("\n"), @"
    minimise unmet [1]: shortfall of wish 0 + shortfall of wish 1 + shortfall of wish 2
        + shortfall of wish 3 + shortfall of wish 4 + shortfall of wish 5 + shortfall of wish 6
        + shortfall of wish 7 + shortfall of wish 8 + shortfall of wish 9 + shortfall of wish 10
        + shortfall of wish 11
    ");
}
