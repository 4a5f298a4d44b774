// Numbers and times as people read them.

/** Of so many, in the singular or the plural: `1 step`, `1,204 tokens`. */
export function many(count, one, more = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : more}`;
}

export const number = (value) => value.toLocaleString("en", { maximumFractionDigits: 1 });

/** US dollars; small ones with more digits. */
export function money(dollars) {
  const digits = dollars === 0 || dollars >= 1 ? 2 : dollars >= 0.01 ? 3 : 5;
  return `$${dollars.toFixed(digits)}`;
}

/** A time in seconds. */
export function span(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole} s`;
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  if (minutes < 120) return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A moment in milliseconds since 1970, as far as it has to be said today. */
export function moment(ms) {
  const then = new Date(ms);
  const today = then.toDateString() === new Date().toDateString();
  const clock = then.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return today ? clock : `${day(ms)} ${clock.slice(0, 5)}`;
}

/** Its day, by this machine's calendar. */
export function day(ms) {
  const then = new Date(ms);
  const two = (value) => String(value).padStart(2, "0");
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())}`;
}

/** A status in words. */
export function status(word) {
  const words = {
    running: "running", waiting: "waits for you", interrupted: "interrupted", fault: "fault", done: "done",
    steps: "out of steps", tokens: "out of tokens", time: "out of time", cost: "out of money",
    cancelled: "cancelled", unsupported: "no supported answer",
  };
  return words[word] ?? word;
}

/** Which of the few colours a status has. */
export function tone(word) {
  const tones = { running: "live", waiting: "ask", done: "good", cancelled: "calm", interrupted: "calm" };
  return tones[word] ?? "bad";
}
