//! Figures as a Markdown table.

pub(crate) struct Table {
    rows: Vec<[String; 4]>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// `samples` in the unit that the row is about.
    pub(crate) fn row(&mut self, what: &str, setting: &str, unit: &str, samples: &[f64]) -> f64 {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |part: f64| {
            sorted.get(((sorted.len() as f64 - 1.0) * part).round() as usize).copied().unwrap_or(0.0)
        };
        let figures = [at(0.0), at(0.5), at(1.0)].map(number).join(" / ");
        eprintln!("{what} ({setting}): {figures} {unit}");
        self.rows.push([what.to_owned(), setting.to_owned(), unit.to_owned(), figures]);
        at(0.5)
    }

    pub(crate) fn print(&self) {
        println!("| what | setting | unit | min / median / max |\n|---|---|---|---|");
        for [what, setting, unit, figures] in &self.rows {
            println!("| {what} | {setting} | {unit} | {figures} |");
        }
    }
}

fn number(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
