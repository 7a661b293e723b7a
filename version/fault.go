package version

// Fault is the reason why a source gets no news, in one word.
type Fault string

const (
	FaultConnection Fault = "source"      // no connection, or any fault not listed below
	FaultAuth       Fault = "auth"        // user or password are refused
	FaultNoPerm     Fault = "noperm"      // a right is missing
	FaultReadOnly   Fault = "readonly"    // it is a replica
	FaultMisconf    Fault = "misconf"     // it cannot save to disk, and takes no writes
	FaultMemory     Fault = "oom"         // its memory is full
	FaultReplicas   Fault = "noreplicas"  // too few replicas follow it, and it takes no writes
	FaultCluster    Fault = "clusterdown" // the Cluster does not serve all slots
	FaultLoading    Fault = "loading"     // it is reading its data set
)

// Faults returns every Fault, in a fixed order.
func Faults() []Fault {
	return []Fault{
		FaultConnection, FaultAuth, FaultNoPerm, FaultReadOnly, FaultMisconf, FaultMemory, FaultReplicas, FaultCluster, FaultLoading,
	}
}
