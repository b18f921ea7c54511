# The inventory as the Vagrantfile needs it, read as Ansible does (tools/cluster/inventory.py does the same;
# a test compares them): files in alphabetical order, later ones win; a host's own variables beat its groups'.
require "yaml"

class Inventory
  def initialize(folder)
    @files = Dir["#{folder}/*.yml"].sort.map { |file| YAML.safe_load(File.read(file), aliases: true) || {} }
    @whole = @files.reduce({}) { |one, other| merged(one, other) }
  end

  # {name => variables}, in the order in which the hosts are listed
  def hosts
    found = collect(@whole).transform_values { |of_groups, own| of_groups.merge(own) }
    @files.each { |file| collect(file).each { |name, (_, own)| found[name].merge!(own) } }
    found
  end

  def vars
    @whole.dig("all", "vars") || {}
  end

  private

  def merged(one, other)
    return one.merge(other) { |_, a, b| merged(a, b) } if one.is_a?(Hash) && other.is_a?(Hash)

    other.nil? ? one : other
  end

  # {name => [what its groups say, what it says itself]}
  def collect(groups, inherited = {}, found = {})
    groups.each_value do |group|
      group ||= {}
      vars = inherited.merge(group["vars"] || {})
      (group["hosts"] || {}).each do |name, own|
        of_groups, before = found[name] || [{}, {}]
        found[name] = [of_groups.merge(vars), before.merge(own || {})]
      end
      collect(group["children"] || {}, vars, found)
    end
    found
  end
end
