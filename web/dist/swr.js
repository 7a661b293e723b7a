import{unstable_serialize as u}from"swr";function d({cache:t,mutate:r},a,s){return async()=>(await Promise.all(a.map(async e=>{let n=()=>t.get(u(e)),l=r(e),i=n()?.isValidating;await l;let o=i&&n()?.error;if(o)throw o})),{versions:s?.()})}export{d as pollKeys};
//# sourceMappingURL=swr.js.map
