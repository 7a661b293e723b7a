/**
 * A property of the document as the browser made it. `document.name` may be an element of that name instead, which somebody
 * who may write HTML but no scripts has put into the page (DOM clobbering). Methods are to be called with the document.
 */
export function builtin<K extends keyof Document>(name: K): Document[K] {
  return Reflect.get(Object.getPrototypeOf(document), name, document);
}
