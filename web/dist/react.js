import{useSyncExternalStore as s}from"react";var n=new WeakMap;function p(t){let e=n.get(t)??t.getSnapshot();return n.set(t,e),e}function r(t,e=o=>o){return s(t.subscribe,()=>e(t.getSnapshot()),()=>e(p(t)))}export{r as useNudge};
//# sourceMappingURL=react.js.map
