/** Projects as an attribute names them: "42@123 7@3", or ids alone, whose versions are unknown then. */
export function marks(text = ''): { ids: string[]; versions?: Record<string, string> } {
  const all = text.split(/[\s,]+/).filter(Boolean).map((mark) => mark.split('@'));
  const ids = all.map(([id]) => id!);
  return all.every(([, version]) => version) ? { ids, versions: Object.fromEntries(all) } : { ids };
}
