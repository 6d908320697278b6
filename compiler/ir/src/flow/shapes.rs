//! What one operator takes and gives, and what does not fit.

use super::{Distribution, Layout, Station, Value};
use crate::cost::{self, Shape};
use crate::dialect::{Computation, Part, Split};
use crate::structure::Step;
use berth_compiler::degrees::Axis;
use berth_compiler::form::{Form, Symbol};
use berth_compiler::graph::Place;
use num_rational::BigRational;
use std::collections::BTreeSet;

impl Layout<'_> {
    /// The shapes of one operator, with warnings about what does not fit.
    pub(super) fn shape(&mut self, step: &Step, input: &Value, second: Option<&Value>) -> (Shape, Value) {
        let mut result = Value {
            bytes: step.element.bytes(),
            origin: format!("`{}`", step.name),
            producers: Vec::new(),
            ..input.clone()
        };
        // What its devices share of the width it takes and gives; by tensor unless it says otherwise.
        let mut part = Axis::Tensor.degree(-1);
        let mut split_in = input.distribution == Distribution::Split;
        let does = format!("`{}` takes", step.name);
        match &step.computation {
            Computation::Repeat { .. } => {}
            Computation::Lookup { weight, split, .. } => {
                result.width = weight.columns();
                result.distribution =
                    if *split == Split::Rows { Distribution::Partial } else { Distribution::Whole };
            }
            Computation::Matmul { weight, split, keys, .. } => {
                result.width = weight.columns();
                result.distribution = self.product(step, input, weight.rows(), *split, &part);
                part = cost::part_of(weight, *split, *keys);
            }
            Computation::Norm { weight, .. } => {
                self.width(step, input, weight.rows());
                self.whole(input, &step.place, &does);
                result.distribution = Distribution::Whole;
                split_in = false;
            }
            Computation::Residual => {
                if let Some(second) = second {
                    if second.width != input.width {
                        self.warn(
                            &step.place,
                            format!(
                                "`{}` adds a width of {} from {} to {} from {}",
                                step.name, second.width, second.origin, input.width, input.origin
                            ),
                        );
                    }
                    // Two summands, or two parts, add up as they are; a mixture does not.
                    if second.distribution != input.distribution {
                        self.whole(input, &step.place, &does);
                        self.whole(second, &step.place, &does);
                        result.distribution = Distribution::Whole;
                    }
                }
            }
            Computation::SiluMultiply => {
                part = input.part.clone();
                self.summed(input, &step.place, &does);
                if !input.width.is_multiple_of(2) {
                    self.warn(
                        &step.place,
                        format!("`{}` multiplies two halves; the width {} has none", step.name, input.width),
                    );
                }
                result.width = input.width / 2;
                if input.distribution == Distribution::Partial {
                    result.distribution = Distribution::Whole;
                }
            }
            Computation::Activate => {
                part = input.part.clone();
                self.summed(input, &step.place, &does);
                if input.distribution == Distribution::Partial {
                    result.distribution = Distribution::Whole;
                }
            }
            Computation::GroupedMatmul { weight, split, over, .. } => {
                if *over {
                    part = self.groups.of_expert();
                    self.divides(Axis::Expert.degree(1), weight.experts());
                    self.at(input, Station::Experts, &step.place, &does);
                }
                result.width = weight.columns();
                result.distribution = self.product(step, input, weight.rows(), *split, &part);
            }
            Computation::Dispatch { experts, per_token, over } => {
                self.whole(input, &step.place, &does);
                if let Some(scores) = second {
                    self.width(step, scores, *experts);
                    self.whole(scores, &step.place, &does);
                }
                result.distribution = Distribution::Whole;
                split_in = false;
                result.rows = input.rows.clone() * Form::integer(*per_token);
                if *over {
                    result.rows = result.rows * self.groups.count(1) * Axis::Expert.degree(-1);
                    result.station = Station::Leaving;
                }
            }
            Computation::Combine { per_token, over } => {
                part = input.part.clone();
                let each = BigRational::new(1.into(), (*per_token).into());
                result.rows = input.rows.clone() * Form::constant(each);
                if *over {
                    result.rows = result.rows * Axis::Expert.degree(1) * self.groups.count(-1);
                    self.at(input, Station::Home, &step.place, &does);
                    // The answers of a token's experts are on several devices: what each adds up is a summand.
                    if input.distribution == Distribution::Whole {
                        result.distribution = Distribution::Partial;
                    }
                }
                result.station = Station::Home;
            }
            Computation::LatentCacheWrite { latent, .. } => {
                self.width(step, input, latent.cached_width());
                self.whole(input, &step.place, &does);
                result.width = latent.width;
                result.distribution = Distribution::Whole;
                split_in = false;
            }
            Computation::LatentAttention { heads, split } => {
                self.width(step, input, heads.query_width());
                self.heads(step, input, heads.heads, heads.heads, *split, &does);
                if let Some(expanded) = second {
                    self.width(step, expanded, heads.expanded_width());
                    self.heads(step, expanded, heads.heads, heads.heads, *split, &does);
                }
                result.width = heads.value_width();
                result.distribution = by_heads(*split);
                split_in = *split == Split::Heads;
            }
            Computation::EncoderAttention { heads, split, window: _ } => {
                self.width(step, input, heads.query_width() + heads.kv_width());
                self.heads(step, input, heads.heads, heads.kv_heads, *split, &does);
                result.width = heads.query_width();
                result.distribution = by_heads(*split);
                split_in = *split == Split::Heads;
            }
            Computation::Positions { weight } => {
                self.width(step, input, weight.columns());
                self.whole(input, &step.place, &does);
                result.distribution = Distribution::Whole;
                split_in = false;
            }
            Computation::Merge { factor } => {
                self.whole(input, &step.place, &does);
                result.distribution = Distribution::Whole;
                split_in = false;
                let each = BigRational::new(1.into(), (*factor).into());
                result.rows = input.rows.clone() * Form::constant(each);
                // Widths are below 2^62, and so is what an edit makes of them.
                result.width = input.width.saturating_mul(*factor);
            }
            Computation::HeadNorm { heads, split } => {
                self.width(step, input, heads.query_width() + heads.kv_width());
                self.heads(step, input, heads.heads, heads.kv_heads, *split, &does);
                result.distribution = by_heads(*split);
                split_in = *split == Split::Heads;
            }
            Computation::Given { of, width } => {
                result.rows = self.rows_of(*of);
                result.width = *width;
                result.distribution = Distribution::Whole;
                result.origin = format!("what `{}` gives", step.name);
                // It is no part of what it stands beside.
                split_in = false;
            }
            Computation::Take { of } => {
                part = input.part.clone();
                self.summed(input, &step.place, &does);
                result.rows = self.rows_of(*of);
                let has = |term| input.rows.terms().any(|other| other == term);
                if !result.rows.terms().all(has) {
                    self.warn(
                        &step.place,
                        format!(
                            "`{}` takes the {} rows of {}, which has none",
                            step.name,
                            of.name(),
                            input.origin
                        ),
                    );
                }
            }
            Computation::Join { .. } => {
                part = input.part.clone();
                if let Some(second) = second {
                    self.width(step, second, input.width);
                    result.rows = input.rows.clone() + second.rows.clone();
                    if second.distribution != input.distribution {
                        self.whole(input, &step.place, &does);
                        self.whole(second, &step.place, &does);
                        result.distribution = Distribution::Whole;
                    }
                }
                self.summed(input, &step.place, &does);
            }
            Computation::Modulate { vector, norm } => {
                self.whole(input, &step.place, &does);
                result.distribution = Distribution::Whole;
                split_in = false;
                if let Some(vectors) = second {
                    self.whole(vectors, &step.place, &does);
                    let last = vector + u64::from(*norm);
                    // Widths are below 2^62, and so is what an edit makes of them.
                    if vectors.width < last.saturating_mul(input.width) {
                        self.warn(
                            &step.place,
                            format!(
                                "`{}` takes vectors up to number {last} of a width of {}; {} has a width of {}",
                                step.name, input.width, vectors.origin, vectors.width
                            ),
                        );
                    }
                }
            }
            Computation::CacheWrite { heads, split, .. } => {
                self.width(step, input, heads.qkv_width());
                self.heads(step, input, heads.heads, heads.kv_heads, *split, &does);
                result.width = heads.query_width();
                result.distribution = by_heads(*split);
                split_in = *split == Split::Heads;
            }
            Computation::Attention { heads, split, .. } => {
                self.width(step, input, heads.query_width());
                self.heads(step, input, heads.heads, heads.kv_heads, *split, &does);
                result.width = heads.query_width();
                result.distribution = by_heads(*split);
                split_in = *split == Split::Heads;
            }
            Computation::Loss => {
                part = input.part.clone();
                self.summed(input, &step.place, &does);
                result.width = 1;
                result.distribution = match input.distribution {
                    Distribution::Split => Distribution::Partial,
                    Distribution::Whole | Distribution::Partial => Distribution::Whole,
                };
            }
            Computation::LastToken | Computation::FirstToken => {
                part = input.part.clone();
                result.rows = Form::symbol(Symbol::Sequences, 1) * self.groups.part();
            }
            Computation::AllReduce { axis: Axis::Tensor } => {
                if input.distribution != Distribution::Partial {
                    self.warn(
                        &step.place,
                        format!("`{}` sums {}, which is no partial sum", step.name, input.origin),
                    );
                }
                result.distribution = Distribution::Whole;
            }
            Computation::AllGather { axis: Axis::Tensor } => {
                if input.distribution != Distribution::Split {
                    self.warn(
                        &step.place,
                        format!("`{}` gathers {}, which is not split", step.name, input.origin),
                    );
                }
                result.distribution = Distribution::Whole;
            }
            Computation::ReduceScatter { axis: Axis::Tensor } => {
                if input.distribution != Distribution::Partial {
                    self.warn(
                        &step.place,
                        format!("`{}` sums {}, which is no partial sum", step.name, input.origin),
                    );
                }
                result.distribution = Distribution::Split;
            }
            // Over the other axes rows are gathered and given up; the width stays as it is.
            Computation::AllGather { axis } => {
                part = input.part.clone();
                result.rows = input.rows.clone() * axis.degree(1);
            }
            Computation::ReduceScatter { axis } => {
                part = input.part.clone();
                result.rows = input.rows.clone() * axis.degree(-1);
            }
            Computation::AllReduce { .. } | Computation::Send | Computation::KvExchange { .. } => {
                part = input.part.clone();
            }
            Computation::AllToAll => {
                part = input.part.clone();
                result.station = match input.station {
                    Station::Home => {
                        let message = format!(
                            "`{}` sends {}, whose rows are with their sequences and go nowhere",
                            step.name, input.origin
                        );
                        self.warn(&step.place, message);
                        Station::Home
                    }
                    Station::Leaving => Station::Experts,
                    Station::Experts => Station::Home,
                };
            }
        }
        let split_out = result.distribution == Distribution::Split;
        result.part = if split_out { part.clone() } else { Form::integer(1) };
        let shape = Shape {
            phase: self.phase,
            drafts: self.drafts,
            rows_in: input.rows.clone(),
            rows_out: result.rows.clone(),
            width_in: input.width,
            width_beside: second.map_or(0, |second| second.width),
            width_out: result.width,
            bytes_in: input.bytes,
            bytes_out: result.bytes,
            // An operation that is split by heads takes its heads of a value, whatever it is given.
            part_in: match (split_in, input.distribution == Distribution::Split) {
                (false, _) => Form::integer(1),
                (true, true) => input.part.clone(),
                (true, false) => part,
            },
            part_out: result.part.clone(),
            groups: self.groups,
        };
        (shape, result)
    }

    /// What is made of a value by a matrix with so many rows.
    fn product(&mut self, step: &Step, input: &Value, rows: u64, split: Split, part: &Form) -> Distribution {
        let does = format!("`{}` takes", step.name);
        self.width(step, input, rows);
        if split == Split::Rows {
            // Engines pad other widths.
            let devices = inverse(part);
            self.divides(devices, rows);
            self.summed(input, &step.place, &does);
        } else {
            self.whole(input, &step.place, &does);
        }
        match split {
            Split::Columns => Distribution::Split,
            Split::Rows => Distribution::Partial,
            Split::None | Split::Heads => Distribution::Whole,
        }
    }

    /// The rows of a part of a pass that makes images.
    fn rows_of(&self, part: Part) -> Form {
        let images = Form::symbol(Symbol::Sequences, 1) * self.groups.part();
        let of = |symbol| images.clone() * Form::symbol(symbol, 1);
        match part {
            Part::Image => of(Symbol::New),
            Part::Text => of(Symbol::Context),
            Part::Tokens => of(Symbol::New) + of(Symbol::Context),
            Part::Condition => Form::symbol(Symbol::Sequences, 1),
        }
    }

    fn divides(&mut self, by: Form, width: u64) {
        match self.divides.iter_mut().find(|(form, _)| *form == by) {
            Some((_, widths)) => {
                widths.insert(width);
            }
            None => self.divides.push((by, BTreeSet::from([width]))),
        }
    }

    /// Warns of rows that are elsewhere.
    fn at(&mut self, value: &Value, wanted: Station, place: &Place, does: &str) {
        if value.station == wanted {
            return;
        }
        let origin = &value.origin;
        let message = match wanted {
            Station::Home => format!("{does} {origin}, whose rows no all_to_all has brought back"),
            Station::Leaving | Station::Experts => {
                format!("{does} {origin}, whose rows no all_to_all has sent to their experts")
            }
        };
        self.warn(place, message);
    }

    fn heads(&mut self, step: &Step, input: &Value, heads: u64, kv_heads: u64, split: Split, does: &str) {
        if split == Split::Heads {
            self.divides(Axis::Tensor.degree(1), heads);
            if kv_heads < heads {
                // Its own heads, or one that it shares with whole others: either divides the other.
                let parts = Form::tensor_at_most(kv_heads, 1);
                self.divides(Axis::Tensor.degree(1) * Form::tensor_at_most(kv_heads, -1), heads / kv_heads);
                self.divides(parts, kv_heads);
            }
            self.summed(input, &step.place, does);
        } else {
            self.whole(input, &step.place, does);
        }
    }

    fn width(&mut self, step: &Step, input: &Value, wanted: u64) {
        if input.width != wanted {
            self.warn(
                &step.place,
                format!("`{}` takes a width of {wanted}; {} has {}", step.name, input.origin, input.width),
            );
        }
    }

    /// Warns of a use that needs all of a value on every device.
    pub(super) fn whole(&mut self, value: &Value, place: &Place, does: &str) {
        match value.distribution {
            Distribution::Whole => {}
            Distribution::Partial => self.summed(value, place, does),
            Distribution::Split => self.warn(
                place,
                format!(
                    "{does} {}, of which each device holds a part that no all_gather has joined",
                    value.origin
                ),
            ),
        }
    }

    /// Warns of a use that needs a value summed, whole or in parts.
    fn summed(&mut self, value: &Value, place: &Place, does: &str) {
        if value.distribution == Distribution::Partial {
            self.warn(
                place,
                format!(
                    "{does} {}, a partial sum on each device that no all_reduce has added up",
                    value.origin
                ),
            );
        }
    }
}

/// One over a form of one term.
fn inverse(form: &Form) -> Form {
    form.terms().next().map_or_else(Form::default, |(coefficient, powers)| {
        let one = Form::constant(coefficient.recip());
        Symbol::ALL
            .into_iter()
            .zip(powers.symbols)
            .fold(one, |product, (symbol, exponent)| product * Form::symbol(symbol, -exponent))
    })
}

fn by_heads(split: Split) -> Distribution {
    if split == Split::Heads { Distribution::Split } else { Distribution::Whole }
}
