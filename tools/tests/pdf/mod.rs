//! Small PDFs, made by hand.

#![allow(dead_code, reason = "each test binary uses what it needs of them")]

/// Pages of text, a line for each line, with these entries in the information dictionary.
pub(crate) fn of(pages: &[&str], info: &str) -> Vec<u8> {
    let draw = |text: &&str| {
        let lines = text.lines().map(|line| format!("({line}) Tj T*"));
        format!("BT /F1 12 Tf 14 TL 72 760 Td {} ET", lines.collect::<Vec<_>>().join(" "))
    };
    let drawn: Vec<String> = pages.iter().map(draw).collect();
    file(&drawn.iter().map(|page| stream(page.as_bytes(), "")).collect::<Vec<_>>(), info, "")
}

/// Pages of drawing instructions.
pub(crate) fn drawn(pages: &[&str]) -> Vec<u8> {
    file(&pages.iter().map(|page| stream(page.as_bytes(), "")).collect::<Vec<_>>(), "", "")
}

/// What the standard handler needs, revision 2 with 40 bits: the entries O and U, and the content
/// `BT /F1 12 Tf 72 700 Td (Opened without a word.) Tj ET`, encrypted. The owner's password is
/// `owner`, the user's none or `secret`.
pub(crate) struct Locked(&'static str, &'static str, &'static str);

pub(crate) const OPEN: Locked = Locked(
    "c92422687facee686e373f10b5c7d04738053152f7e2ee30e11c69ec442576ab",
    "13f3633f3c8fe41869648cfa5552ce67d52a786c2ca737f8f9c0e496403cd4ae",
    "387b8f317fb33dd0f745955c88b25c8a0b8db28f0ddbae281606b28dff1679f300c770734949d5989e76a10e54d0afe3\
     fec79b0bc0",
);
pub(crate) const CLOSED: Locked = Locked(
    "92fe0f4454ad4c9644693f33c07cb54f587dce1e2682fe9ecea6107a1ef630dd",
    "902d6c0d6b77adef97ca1c71e49308c613b917b2ad6ef711a0cb410737994360",
    "d670531d3069e033eafd3a24580f694ae79a16bae3706d044632722591b61f47644c8f6472706e96913391f9b105e779\
     e02f163e56",
);

/// A page that is encrypted.
pub(crate) fn encrypted(Locked(owner, user, content): &Locked) -> Vec<u8> {
    let content: Vec<u8> = (0..content.len() / 2)
        .map(|at| u8::from_str_radix(&content[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let entry =
        format!("/Encrypt << /Filter /Standard /V 1 /R 2 /O <{owner}> /U <{user}> /P -4 >>");
    file(&[stream(&content, "")], "", &entry)
}

/// A page whose few bytes of content unpack to gigabytes: a run of runs of runs of runs.
pub(crate) fn bomb() -> Vec<u8> {
    let filters = "/Filter [/RunLengthDecode /RunLengthDecode /RunLengthDecode /RunLengthDecode \
                   /RunLengthDecode]";
    file(&[stream(&[0x81; 4096], filters)], "", "")
}

fn stream(content: &[u8], entries: &str) -> Vec<u8> {
    let head = format!("<< /Length {} {entries} >>\nstream\n", content.len());
    [head.as_bytes(), content, b"\nendstream"].concat()
}

/// The file: catalog, page tree, font, information, and for each page its dictionary and content.
fn file(contents: &[Vec<u8>], info: &str, trailer: &str) -> Vec<u8> {
    let kids: Vec<String> = (0..contents.len()).map(|n| format!("{} 0 R", 5 + 2 * n)).collect();
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        format!("<< /Type /Pages /Count {} /Kids [{}] >>", kids.len(), kids.join(" ")).into_bytes(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec(),
        format!("<< {info} >>").into_bytes(),
    ];
    for (content, n) in contents.iter().zip(0..) {
        objects.push(
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R \
                 /Resources << /Font << /F1 3 0 R >> >> >>",
                6 + 2 * n
            )
            .into_bytes(),
        );
        objects.push(content.clone());
    }
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (object, number) in objects.iter().zip(1..) {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let at = file.len();
    let end = format!(
        "{table}trailer\n<< /Size {} /Root 1 0 R /Info 4 0 R /ID [<30313233343536373839616263646566> \
         <30313233343536373839616263646566>] {trailer} >>\nstartxref\n{at}\n%%EOF\n",
        objects.len() + 1
    );
    file.extend_from_slice(end.as_bytes());
    file
}
