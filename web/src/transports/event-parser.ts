/** An event with more characters does not come from a gateway: its data has 8 KiB at most. */
const TOO_MUCH = 100_000;

/**
 * Reads an event stream piece by piece, by the HTML standard (section 9.2.6). The decoder removes the byte order mark. `id` and
 * `retry` are not needed: a page that reconnects names its versions. Returns false once an event is too long.
 */
export function eventParser(event: (name: string, data: string) => void): (text: string) => boolean {
  let left = ''; // of a line that has not ended
  let half = false; // a CR has ended the text: an LF after it belongs to the same line end
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
