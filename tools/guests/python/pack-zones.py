#!/usr/bin/env python3
"""Makes `errand/zones.bin`: `pack-zones.py FOLDER`, where FOLDER is a `tzdata` package from PyPI, unpacked.

Needs `zic`. The file is compressed: a line of JSON, name to offset and length, then the zones in TZif.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import zlib

source = pathlib.Path(sys.argv[1]) / "zoneinfo" / "tzdata.zi"
with tempfile.TemporaryDirectory() as made:
    subprocess.run(["zic", "-b", "slim", "-d", made, source], check=True)
    index, data, seen = {}, b"", {}
    for path in sorted(path for path in pathlib.Path(made).rglob("*") if path.is_file()):
        zone = path.read_bytes()
        if zone not in seen:
            seen[zone] = [len(data), len(zone)]
            data += zone
        index[path.relative_to(made).as_posix()] = seen[zone]
packed = json.dumps(index, separators=(",", ":")).encode() + b"\n" + data
(pathlib.Path(__file__).parent / "errand" / "zones.bin").write_bytes(zlib.compress(packed, 9))
print(len(index), "zones of", source.read_text().splitlines()[0])
