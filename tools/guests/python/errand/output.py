"""What a snippet prints: kept up to a limit, with the other faces of `sys.stdout` that code expects."""

import codecs
import io

LIMIT = 60_000


class Flood(BaseException):
    """Far more was printed than is kept."""


class _Bytes(io.BufferedIOBase):
    """`sys.stdout.buffer`."""

    def __init__(self, output):
        self._output = output
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def writable(self):
        return True

    def write(self, data):
        self._output.write(self._decode(bytes(data)))
        return len(data)

    def close(self):
        """Whoever wraps it may let go of it: what is printed later is kept too."""


class Output(io.TextIOBase):
    """Both standard output and standard error."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self):
        self._parts = []
        self._size = 0
        self.buffer = _Bytes(self)

    def writable(self):
        return True

    def reconfigure(self, **_):
        """It is Unicode and written at once, whatever is asked for."""

    def detach(self):
        return self.buffer

    def close(self):
        """As `buffer`'s."""

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._size < LIMIT:
            self._parts.append(text[: LIMIT - self._size])
        self._size += len(text)
        if self._size > 20 * LIMIT:
            raise Flood
        return len(text)

    def text(self):
        text = "".join(self._parts)
        if self._size > LIMIT:
            text += f"\n… (only the first {LIMIT} characters that were printed are here)"
        return text.encode("utf-8", "replace").decode("utf-8")
