import{useSyncExternalStore as e}from"react";var t=new WeakMap;function r(r,n=e=>e){return e(r.subscribe,()=>n(r.getSnapshot()),()=>n(function(e){let r=t.get(e)??e.getSnapshot();return t.set(e,r),r}(r)))}export{r as useNudge};
//# sourceMappingURL=react.js.map
