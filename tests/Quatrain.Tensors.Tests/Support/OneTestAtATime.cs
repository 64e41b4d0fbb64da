// Tests that share the cores would steal them from each other's worker pools, whose threads wait by spinning.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
