function t(t,e=t=>t){return{subscribe(s){let r=e(t.getSnapshot());return s(r),t.subscribe(()=>{let n=e(t.getSnapshot());Object.is(n,r)||s(r=n)})}}}export{t as store};
//# sourceMappingURL=store.js.map
