//! Files as other programs write them.

use super::Matrix;

/// Writes GGUF version 3.
#[derive(Default)]
pub struct Writer {
    pairs: u64,
    metadata: Vec<u8>,
    tensors: u64,
    infos: Vec<u8>,
    data: Vec<u8>,
}

fn string(into: &mut Vec<u8>, text: &str) {
    into.extend((text.len() as u64).to_le_bytes());
    into.extend(text.as_bytes());
}

impl Writer {
    fn key(&mut self, key: &str, kind: u32) {
        self.pairs += 1;
        string(&mut self.metadata, key);
        self.metadata.extend(kind.to_le_bytes());
    }

    pub fn number(&mut self, key: &str, value: u32) {
        self.key(key, 4);
        self.metadata.extend(value.to_le_bytes());
    }

    pub fn truth(&mut self, key: &str, value: bool) {
        self.key(key, 7);
        self.metadata.push(u8::from(value));
    }

    pub fn numbers(&mut self, key: &str, values: &[i32]) {
        self.key(key, 9);
        self.metadata.extend(5_u32.to_le_bytes());
        self.metadata.extend((values.len() as u64).to_le_bytes());
        values.iter().for_each(|value| self.metadata.extend(value.to_le_bytes()));
    }

    pub fn float(&mut self, key: &str, value: f32) {
        self.key(key, 6);
        self.metadata.extend(value.to_le_bytes());
    }

    pub fn text(&mut self, key: &str, value: &str) {
        self.key(key, 8);
        string(&mut self.metadata, value);
    }

    pub fn texts(&mut self, key: &str, values: &[String]) {
        self.key(key, 9);
        self.metadata.extend(8_u32.to_le_bytes());
        self.metadata.extend((values.len() as u64).to_le_bytes());
        values.iter().for_each(|value| string(&mut self.metadata, value));
    }

    pub fn tensor(&mut self, name: &str, matrix: &Matrix) {
        self.tensors += 1;
        string(&mut self.infos, name);
        let dims: &[usize] =
            if matrix.rows == 1 { &[matrix.cols] } else { &[matrix.cols, matrix.rows] };
        self.infos.extend((dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|&dim| self.infos.extend((dim as u64).to_le_bytes()));
        self.infos.extend(matrix.kind.to_le_bytes());
        self.infos.extend((self.data.len() as u64).to_le_bytes());
        self.data.extend(&matrix.bytes);
        self.data.resize(self.data.len().next_multiple_of(32), 0);
    }

    pub fn finish(self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3_u32.to_le_bytes());
        out.extend(self.tensors.to_le_bytes());
        out.extend(self.pairs.to_le_bytes());
        out.extend(self.metadata);
        out.extend(self.infos);
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend(self.data);
        out
    }
}

/// A safetensors file of these tensors, as 32-bit floats.
pub fn safetensors(tensors: &[(String, Matrix)]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, matrix) in tensors {
        let begin = data.len();
        data.extend(matrix.single());
        let shape =
            if matrix.rows == 1 { vec![matrix.cols] } else { vec![matrix.rows, matrix.cols] };
        let entry = serde_json::json!({
            "dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()],
        });
        header.insert(name.clone(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header);
    out.extend(data);
    out
}
