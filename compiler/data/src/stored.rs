//! A summary as the cache keeps it: numbers as `3/4`, nothing rounded.

use berth_language::data::{Data, Fit, Loads, Readings, Requests, Rows, Sample};
use num_rational::BigRational;
use serde::{Deserialize, Serialize};

/// The summary of a file in steps of some length.
#[derive(Serialize, Deserialize)]
pub struct Stored {
    sha256: String,
    step: String,
    rows: StoredRows,
}

#[derive(Serialize, Deserialize)]
enum StoredRows {
    Requests {
        schema: String,
        count: u64,
        failed: u64,
        start: Option<i64>,
        span: String,
        arrivals: Vec<u64>,
        spacing: Option<String>,
        prompt: Option<StoredSample>,
        output: Option<StoredSample>,
    },
    Readings {
        unit: String,
        count: u64,
        start: Option<i64>,
        values: Vec<String>,
    },
    Loads {
        count: u64,
        layers: Vec<Vec<u64>>,
    },
}

#[derive(Serialize, Deserialize)]
struct StoredSample {
    values: Vec<(String, u64)>,
    fits: Vec<(String, String)>,
}

impl Stored {
    /// `data`, summed up by `step`.
    pub fn of(data: &Data, step: &BigRational) -> Self {
        let rows = match &data.rows {
            Rows::Requests(requests) => {
                let Requests { schema, count, failed, start, span, arrivals, spacing, prompt, output } =
                    requests;
                StoredRows::Requests {
                    schema: (*schema).to_owned(),
                    count: *count,
                    failed: *failed,
                    start: *start,
                    span: span.to_string(),
                    arrivals: arrivals.clone(),
                    spacing: spacing.as_ref().map(ToString::to_string),
                    prompt: prompt.as_ref().map(StoredSample::of),
                    output: output.as_ref().map(StoredSample::of),
                }
            }
            Rows::Readings(Readings { unit, count, start, values }) => StoredRows::Readings {
                unit: unit.clone(),
                count: *count,
                start: *start,
                values: values.iter().map(ToString::to_string).collect(),
            },
            Rows::Loads(Loads { count, layers }) => {
                StoredRows::Loads { count: *count, layers: layers.clone() }
            }
        };
        Self { sha256: data.sha256.clone(), step: step.to_string(), rows }
    }

    /// The summary, if it is that of this content and step.
    pub fn data(self, sha256: &str, step: &BigRational) -> Option<Data> {
        if self.sha256 != sha256 || self.step != step.to_string() {
            return None;
        }
        let rows = match self.rows {
            StoredRows::Requests {
                schema,
                count,
                failed,
                start,
                span,
                arrivals,
                spacing,
                prompt,
                output,
            } => Rows::Requests(Requests {
                schema: crate::schema::named(&schema)?,
                count,
                failed,
                start,
                span: rational(&span)?,
                arrivals,
                spacing: whole(spacing.map(|spacing| rational(&spacing)))?,
                prompt: whole(prompt.map(StoredSample::sample))?,
                output: whole(output.map(StoredSample::sample))?,
            }),
            StoredRows::Readings { unit, count, start, values } => Rows::Readings(Readings {
                unit,
                count,
                start,
                values: values.iter().map(|value| rational(value)).collect::<Option<_>>()?,
            }),
            StoredRows::Loads { count, layers } => Rows::Loads(Loads { count, layers }),
        };
        Some(Data { sha256: self.sha256, rows })
    }
}

impl StoredSample {
    fn of(sample: &Sample) -> Self {
        Self {
            values: sample.values.iter().map(|(value, count)| (value.to_string(), *count)).collect(),
            fits: sample.fits.iter().map(|fit| (fit.text.clone(), fit.distance.to_string())).collect(),
        }
    }

    fn sample(self) -> Option<Sample> {
        let values = self.values.iter().map(|(value, count)| Some((rational(value)?, *count)));
        let fits =
            self.fits.into_iter().map(|(text, distance)| Some(Fit { text, distance: rational(&distance)? }));
        Some(Sample { values: values.collect::<Option<_>>()?, fits: fits.collect::<Option<_>>()? })
    }
}

/// What is there must be readable; what is not there is fine.
fn whole<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        Some(None) => None,
        Some(value) => Some(value),
        None => Some(None),
    }
}

fn rational(text: &str) -> Option<BigRational> {
    text.parse().ok()
}
