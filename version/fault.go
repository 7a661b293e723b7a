package version

// Fault is why a source knows that no news comes: one word. The set is closed; Faults lists it.
type Fault string

const (
	FaultConnection Fault = "source"      // no connection, or anything that has no word of its own
	FaultAuth       Fault = "auth"        // user or password are refused
	FaultNoPerm     Fault = "noperm"      // a right is missing
	FaultReadOnly   Fault = "readonly"    // it is a replica
	FaultMisconf    Fault = "misconf"     // it cannot save to disk, and takes no writes
	FaultMemory     Fault = "oom"         // its memory is full
	FaultReplicas   Fault = "noreplicas"  // too few replicas follow it, and it takes no writes
	FaultCluster    Fault = "clusterdown" // the Cluster does not serve all slots
	FaultLoading    Fault = "loading"     // it is reading its data set
)

// Faults are all words that [Evidence.Lost] may be given.
func Faults() []Fault {
	return []Fault{
		FaultConnection, FaultAuth, FaultNoPerm, FaultReadOnly, FaultMisconf, FaultMemory, FaultReplicas, FaultCluster, FaultLoading,
	}
}
