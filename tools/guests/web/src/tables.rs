//! Tables as grids. A page has cells that span rows and columns, headings in several rows, and headings
//! beside a row; a table in Markdown has one row of headings and as many cells in each row as in any other,
//! and `htmd` leaves out what does not fit into that.

use dom_query::{Document, NodeRef};

/// Cells that are added to a page, at most: a span of one byte more can ask for a thousand.
const ADDED: usize = 10_000;
/// Columns of a table.
const COLUMNS: usize = 100;
/// Bytes of a cell that is repeated in each row it spans. A longer one is no value, but a text.
const REPEATED: usize = 200;
/// Within a table without headings, what says that it is there for the looks of a page.
const LAID_OUT: [&str; 7] = ["table", "h1", "h2", "h3", "form", "article", "section"];

/// Gives each row all its cells: what spans rows stands in each of them, what spans columns in the first.
/// A heading stands over each of its columns.
pub(crate) fn fill(document: &Document) {
    let mut room = ADDED;
    for table in document.select("table").nodes() {
        for rows in sections(table) {
            fill_section(&rows, &mut room);
        }
    }
}

/// Makes the rows of headings one, and what else is a heading a cell.
pub(crate) fn one_heading(document: &Document) {
    for table in document.select("table").nodes() {
        let rows: Vec<NodeRef<'_>> = sections(table).into_iter().flatten().collect();
        let heads = rows.iter().take_while(|row| is_heading(row)).count();
        // A table of nothing but headings has them in its first row.
        let heads = if heads == rows.len() { heads.min(1) } else { heads };
        let (heads, body) = rows.split_at(heads);
        for cell in body.iter().flat_map(cells).filter(|cell| cell.has_name("th")) {
            cell.rename("td");
        }
        let Some((first, others)) = heads.split_first() else {
            match lays_out(table) {
                true => take_apart(table, body),
                false => untitled(body),
            }
            continue;
        };
        cells(first).iter().for_each(|cell| cell.rename("th"));
        for row in others {
            for (above, cell) in cells(first).iter().zip(cells(row)) {
                let (said, more) = (above.inner_html(), cell.inner_html());
                if above.text().trim() != cell.text().trim() {
                    above.set_html(format!("{} {}", said.trim(), more.trim()));
                }
            }
            cells(row).iter().skip(cells(first).len()).for_each(|cell| first.append_child(cell));
            row.remove_from_parent();
        }
    }
}

/// A page that is laid out by a table: the tables within it are those that say something.
fn take_apart(table: &NodeRef<'_>, rows: &[NodeRef<'_>]) {
    rows.iter().flat_map(cells).for_each(|cell| cell.rename("div"));
    rows.iter().for_each(|row| row.rename("div"));
    table.element_children().iter().for_each(|part| part.rename("div"));
    table.rename("div");
}

/// Puts an empty row of headings over values that have none: without one they are taken for a layout, and
/// each becomes a paragraph.
fn untitled(rows: &[NodeRef<'_>]) {
    let columns = rows.iter().map(|row| cells(row).len()).max().unwrap_or(0);
    let values = rows.iter().flat_map(cells).all(|cell| cell.text().len() <= REPEATED);
    if rows.len() < 2 || columns < 2 || !values {
        return;
    }
    let tree = rows[0].tree;
    let heading = tree.new_element("tr");
    (0..columns).for_each(|_| heading.append_child(&tree.new_element("th")));
    rows[0].insert_before(&heading);
}

/// What stands in a column of the rows below.
#[derive(Clone)]
struct Above<'a> {
    cell: NodeRef<'a>,
    rows: usize,
    repeats: bool,
}

fn fill_section(rows: &[NodeRef<'_>], room: &mut usize) {
    let mut above: Vec<Option<Above<'_>>> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let cells = cells(row);
        // One cell over all columns is a line between the rows.
        let heads = is_heading(row) && cells.len() > 1;
        let mut column = 0;
        for cell in cells {
            while let Some(spanning) = taken(&mut above, column) {
                let Some(rest) = room.checked_sub(1) else { return };
                *room = rest;
                cell.insert_before(&spanning.copy());
                column += 1;
            }
            let below = rows.len() - at - 1;
            let high = match span(&cell, "rowspan") {
                Some(0) => below,
                high => high.unwrap_or(1).saturating_sub(1).min(below),
            };
            let wide = span(&cell, "colspan").unwrap_or(1).clamp(1, COLUMNS);
            cell.remove_attrs(&["rowspan", "colspan"]);
            let mut last = cell;
            for beside in 0..wide {
                let spanning = Above { cell, rows: high, repeats: beside == 0 || heads };
                if beside > 0 {
                    let Some(rest) = room.checked_sub(1) else { return };
                    *room = rest;
                    let copy = spanning.copy();
                    last.insert_after(&copy);
                    last = copy;
                }
                if column < COLUMNS {
                    above.resize(above.len().max(column + 1), None);
                    above[column] = Some(spanning).filter(|it| it.rows > 0);
                }
                column += 1;
            }
        }
        while above.iter().skip(column).any(Option::is_some) {
            let Some(rest) = room.checked_sub(1) else { return };
            *room = rest;
            match taken(&mut above, column) {
                Some(spanning) => row.append_child(&spanning.copy()),
                None => row.append_child(&row.tree.new_element("td")),
            }
            column += 1;
        }
    }
}

/// What a column's cell is in this row, where one further up spans it.
fn taken<'a>(above: &mut [Option<Above<'a>>], column: usize) -> Option<Above<'a>> {
    let place = above.get_mut(column)?;
    let found = place.clone()?;
    *place = Some(Above { rows: found.rows - 1, ..found }).filter(|it| it.rows > 0);
    Some(found)
}

impl<'a> Above<'a> {
    fn copy(&self) -> NodeRef<'a> {
        let heading = self.repeats && self.cell.has_name("th");
        let copy = self.cell.tree.new_element(if heading { "th" } else { "td" });
        let within = self.cell.inner_html();
        if self.repeats && within.len() <= REPEATED {
            copy.set_html(within);
        }
        copy
    }
}

fn span(cell: &NodeRef<'_>, name: &str) -> Option<usize> {
    cell.attr(name)?.trim().parse().ok()
}

/// The rows of a table's parts. Those of a table in one of its cells are that one's.
fn sections<'a>(table: &NodeRef<'a>) -> Vec<Vec<NodeRef<'a>>> {
    let rows = |part: &NodeRef<'a>| {
        part.element_children().into_iter().filter(|it| it.has_name("tr")).collect()
    };
    let parts = table.element_children().into_iter();
    let parts = parts.filter(|it| ["thead", "tbody", "tfoot"].iter().any(|name| it.has_name(name)));
    std::iter::once(rows(table)).chain(parts.map(|part| rows(&part))).collect()
}

fn cells<'a>(row: &NodeRef<'a>) -> Vec<NodeRef<'a>> {
    let children = row.element_children().into_iter();
    children.filter(|it| it.has_name("td") || it.has_name("th")).collect()
}

fn lays_out(table: &NodeRef<'_>) -> bool {
    table.descendants_it().any(|it| LAID_OUT.iter().any(|name| it.has_name(name)))
}

fn is_heading(row: &NodeRef<'_>) -> bool {
    let cells = cells(row);
    let all = !cells.is_empty() && cells.iter().all(|cell| cell.has_name("th"));
    all || row.parent().is_some_and(|it| it.has_name("thead"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::markdown;

    fn check(rows: &str, expected: &[&str]) {
        let document = Document::from(format!("<table>{rows}</table>"));
        fill(&document);
        one_heading(&document);
        let text = markdown(&document.html());
        let lines: Vec<String> = text.lines().map(text::one_line).collect();
        assert_eq!(lines, expected, "{rows}");
    }

    #[test]
    fn a_row_has_the_cells_that_span_it() {
        check(
            "<tr><th>Coast<th>Tower<th>Height</tr><tr><td rowspan=2>North<td>Cape<td>31 m</tr>\
             <tr><td>Reef<td rowspan=0>47 m</tr><tr><td>South<td>Ness</tr>",
            &[
                "| Coast | Tower | Height |",
                "| ----- | ----- | ------ |",
                "| North | Cape | 31 m |",
                "| North | Reef | 47 m |",
                "| South | Ness | 47 m |",
            ],
        );
        check(
            "<tr><th>a<th>b<th>c</tr><tr><td colspan=2>Total<td>5</tr><tr><td>1<td>2<td>3</tr>",
            &["| a | b | c |", "| ----- | - | - |", "| Total | | 5 |", "| 1 | 2 | 3 |"],
        );
    }

    #[test]
    fn headings_in_several_rows_are_one() {
        check(
            "<thead><tr><th rowspan=2>Tower<th colspan=2>Height</tr><tr><th>1900<th>2000</tr></thead>\
             <tbody><tr><td>Cape<td>29 m<td>31 m</tr></tbody>",
            &[
                "| Tower | Height 1900 | Height 2000 |",
                "| ----- | ----------- | ----------- |",
                "| Cape | 29 m | 31 m |",
            ],
        );
    }

    #[test]
    fn a_heading_beside_a_row_stands_in_it() {
        check(
            "<tr><th>Height<td>31 m</tr><tr><th>Built<td>1746</tr>",
            &["| | |", "| ------ | ---- |", "| Height | 31 m |", "| Built | 1746 |"],
        );
        check(
            "<thead><tr><td><th>1900</tr></thead><tr><th>Cape<td>29 m</tr>",
            &["| | 1900 |", "| ---- | ---- |", "| Cape | 29 m |"],
        );
        check(
            "<tr><th>a<th>b</tr><tr><th colspan=2>North</tr><tr><td>1<td>2</tr>",
            &["| a | b |", "| ----- | - |", "| North | |", "| 1 | 2 |"],
        );
    }

    #[test]
    fn a_table_that_lays_out_a_page_is_none() {
        check(
            "<tr><td><p>one<td>two</tr><tr><td><table><tr><th>a<th>b</tr><tr><td>1<td>2</tr></table></tr>",
            &["one", "", "two", "", "| a | b |", "| - | - |", "| 1 | 2 |"],
        );
    }

    #[test]
    fn spans_without_end_are_cut() {
        let row = "<tr><td colspan=1000 rowspan=65534>x</tr>";
        let document = Document::from(format!("<table>{}</table>", row.repeat(1_000)));
        fill(&document);
        assert!(document.select("td").length() <= ADDED + 1_000);
        let long = "x".repeat(REPEATED + 1);
        let table = format!("<table><tr><td rowspan=9>{long}<td>a</tr><tr><td>b</tr></table>");
        let document = Document::from(table);
        fill(&document);
        assert_eq!(document.text().matches(&long).count(), 1);
    }
}
