import{onScopeDispose as e,shallowRef as s,toValue as t,watch as a}from"vue";function o(t,a=e=>e){let o=s(a(t.getSnapshot()));return e(t.subscribe(()=>o.value=a(t.getSnapshot()))),o}function i(e,s,o,{projects:i,immediate:r}={}){a([()=>t(s),()=>t(i)],([s,t],a,i)=>{s&&i(e.every(s,o,{projects:t,immediate:r}))},{immediate:!0})}export{i as useEvery,o as useNudge};
//# sourceMappingURL=vue.js.map
