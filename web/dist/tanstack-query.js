function e(e,t,r){return async()=>{if(e.isFetching(t)&&await e.refetchQueries({...t,fetchStatus:"fetching"},{cancelRefetch:!1}),await e.invalidateQueries(t,{cancelRefetch:!1,throwOnError:!0}),e.getQueryCache().findAll({...t,type:"active",fetchStatus:"paused"}).length)throw new Error("offline");return{versions:r?.()}}}export{e as pollQueries};
//# sourceMappingURL=tanstack-query.js.map
