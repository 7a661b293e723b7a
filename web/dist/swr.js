import{unstable_serialize as a}from"swr";function e({cache:e,mutate:t},r,i){return async()=>(await Promise.all(r.map(async r=>{let i=()=>e.get(a(r)),s=t(r),l=i()?.isValidating;await s;let o=l&&i()?.error;if(o)throw o})),{versions:i?.()})}export{e as pollKeys};
//# sourceMappingURL=swr.js.map
