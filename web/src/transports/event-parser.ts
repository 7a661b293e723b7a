/** More than this of one event, in characters, and it is not a gateway that speaks: its data has 8 KiB at most. */
const TOO_MUCH = 100_000;

/**
 * Reads an event stream as the HTML standard has it (section 9.2.6), piece by piece; the byte order mark is the decoder's.
 * `id` and `retry` mean nothing here: whoever comes back says what it has. Gives false once an event is too long to be one.
 */
export function eventParser(event: (name: string, data: string) => void): (text: string) => boolean {
  let left = ''; // of a line that has not ended
  let half = false; // of a line end: an LF may follow, and mean nothing
  let name = '';
  let data: string[] = [];
  let size = 0;

  return (text) => {
    if (!text) return true;
    const lines = (left + (half && text[0] === '\n' ? text.slice(1) : text)).split(/\r\n|\n|\r/);
    half = text.endsWith('\r');
    left = lines.pop()!;
    for (const line of lines) {
      size += line.length;
      const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line)!;
      if (field === 'event') name = value!;
      if (field === 'data') data.push(value!);
      if (line) continue;
      if (data.length) event(name || 'message', data.join('\n'));
      name = '';
      data = [];
      size = 0;
    }
    return size + left.length < TOO_MUCH;
  };
}
