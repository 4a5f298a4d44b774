//! Where what runs wrote came from, by the SHA-256 of its bytes. It outlives the runs: what is left
//! of one does not lose its origins when the run is removed.

use agent_core::provenance::Origin;
use rusqlite::params;

use crate::{Store, StoreError};

/// Returns once it is on disk.
pub(crate) async fn keep(
    store: &Store,
    sha256: &str,
    origins: &[Origin],
) -> Result<(), StoreError> {
    let (inner, sha256) = (store.inner.clone(), sha256.to_string());
    let texts: Vec<String> =
        origins.iter().filter_map(|it| serde_json::to_string(it).ok()).collect();
    let work = move || {
        let explain = |error| inner.database.explain(&error);
        let connection = inner.database.write()?;
        let change = connection.unchecked_transaction().map_err(explain)?;
        for text in texts {
            change
                .prepare_cached("INSERT OR IGNORE INTO written (sha256, origin) VALUES (?1, ?2)")
                .and_then(|mut insert| insert.execute(params![sha256, text]))
                .map_err(explain)?;
        }
        change.commit().map_err(explain)
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|stopped| Err(StoreError::Stopped(stopped.to_string())))
}

/// None where no run wrote these bytes.
pub(crate) async fn find(store: &Store, sha256: &str) -> Result<Vec<Origin>, StoreError> {
    let sha256 = sha256.to_string();
    let found = store.read(move |connection| {
        let mut query =
            connection.prepare_cached("SELECT origin FROM written WHERE sha256 = ?1")?;
        let rows = query.query_map([sha256], |row| row.get::<_, String>(0))?;
        rows.collect::<rusqlite::Result<Vec<String>>>()
    });
    let texts = found.await?.unwrap_or_default();
    Ok(texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
}
