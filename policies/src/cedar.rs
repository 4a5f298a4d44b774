//! The judge: an action in, a verdict out, decided by Cedar.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use agent_core::action::{Action, Capability, Decision, Verdict};
use agent_core::output::READ;
use agent_core::permission::{Grants, NetRule};
use agent_core::policy::Policy;
use agent_core::provenance::Origin;
use agent_core::question::ASK;
use agent_core::scope::Scope;
use agent_core::tool::ToolSpec;
use cedar_policy::{
    Authorizer, Entities, Entity, PolicyId, PolicySet, Request, RestrictedExpression, Schema,
};

use crate::PolicyError;
use crate::reason::fill;
use crate::request::{Question, Shown, Taint, Words, call, file_id, want};
use crate::verdict_cache::{Asked, Given};
use crate::{narrow, own, rules};

/// The default policies with what an agent file grants on top.
pub struct Cedar {
    authorizer: Authorizer,
    words: Words,
    schema: Schema,
    /// Every rule.
    rules: PolicySet,
    /// Without those that only ask: what a person cannot approve away.
    firm: PolicySet,
    agent: Entity,
    tools: HashMap<String, Entity>,
    grants: Grants,
    given: Given,
}

impl Cedar {
    /// Puts the policies together, once a run.
    pub fn new(grants: &Grants) -> Result<Self, PolicyError> {
        let unfit = |error: &dyn std::fmt::Display| PolicyError::Unfit(error.to_string());
        let words = Words::new().map_err(|error| unfit(&error))?;
        let schema = rules::schema()?;
        let mut rules = rules::defaults()?;
        rules::grant(&mut rules, grants, &words)?;
        own::add(&mut rules, &grants.rules)?;
        rules::validate(&schema, &rules)?;
        let mut firm = rules.clone();
        let asking: Vec<PolicyId> = rules
            .policies()
            .filter(|policy| policy.annotation("on_violation") == Some("ask"))
            .map(|policy| policy.id().clone())
            .collect();
        for id in asking {
            firm.remove_static(id).map_err(|error| unfit(&error))?;
        }
        let agent = agent(grants, &words).map_err(|error| unfit(&error))?;
        let mut tools = HashMap::new();
        // To read on in what it was given is every agent's; it reaches nothing else.
        for name in grants.tools.iter().map(String::as_str).chain([READ]) {
            let above = HashSet::from([words.agent()]);
            let tool = tool(&words, name, grants, above).map_err(|error| unfit(&error))?;
            tools.insert(name.to_string(), tool);
        }
        let grants = grants.clone();
        let authorizer = Authorizer::new();
        let given = Given::default();
        Ok(Self { authorizer, words, schema, rules, firm, agent, tools, grants, given })
    }

    fn taint(&self, action: &Action) -> Taint {
        let private = |path: &PathBuf| !self.grants.write.iter().any(|own| path.starts_with(own));
        let family = action.tool.split('.').next();
        let own = |origin: &Origin| match origin {
            Origin::Server(server) => Some(server.as_str()) == family,
            _ => false,
        };
        let mut taint = Taint::default();
        for origin in &action.taint {
            taint.untrusted |= origin.untrusted();
            taint.foreign |= origin.untrusted() && !own(origin);
            taint.private |= match origin.source() {
                Origin::File(path) | Origin::Folder(path) => private(path),
                // What an earlier agent's server could read is not known here.
                Origin::Server(server) => {
                    self.grants.reading.contains(server)
                        || (matches!(origin, Origin::Inherited(_)) && !self.has_server(server))
                }
                _ => false,
            };
        }
        // What the action reads on its way to a host, it may take there.
        taint.private |= action.capabilities.iter().any(|wanted| match wanted {
            Capability::Read(path) => private(path),
            _ => false,
        });
        taint
    }

    fn has_server(&self, server: &str) -> bool {
        let families = self.grants.tools.iter().filter_map(|tool| tool.split('.').next());
        families.into_iter().any(|family| family == server)
    }

    /// The verdict on one capability. An error on the way is a denial: Cedar itself would skip a
    /// `forbid` that cannot be evaluated.
    fn verdict(&self, asked: &Asked) -> Verdict {
        let question = match &asked.wanted {
            Some(wanted) => want(&self.words, &self.grants, wanted),
            None => Ok(call(&self.words)),
        };
        question
            .and_then(|question| self.ask(&asked.tool, asked.taint, question))
            .unwrap_or_else(|reason| Verdict { decision: Decision::Deny, reasons: vec![reason] })
    }

    /// Asks Cedar by every rule and, where they say no, by those that no person can approve away.
    fn ask(&self, tool: &str, taint: Taint, question: Question) -> Result<Verdict, String> {
        let Question { action, resource, context, shown } = question;
        let principal = match self.tools.get(tool) {
            Some(known) => known.clone(),
            None => self::tool(&self.words, tool, &self.grants, HashSet::new())?,
        };
        let resource_id = resource.as_ref().map_or_else(|| self.words.agent(), Entity::uid);
        let request = Request::new(
            principal.uid(),
            action,
            resource_id,
            taint.context(context)?,
            Some(&self.schema),
        )
        .map_err(|error| error.to_string())?;
        let known = [Some(principal), Some(self.agent.clone()), resource];
        let entities = Entities::from_entities(known.into_iter().flatten(), None)
            .map_err(|error| error.to_string())?;
        let decide = |rules: &PolicySet| -> Result<Option<Vec<PolicyId>>, String> {
            let response = self.authorizer.is_authorized(&request, rules, &entities);
            if let Some(error) = response.diagnostics().errors().next() {
                return Err(error.to_string());
            }
            Ok(match response.decision() {
                cedar_policy::Decision::Allow => None,
                cedar_policy::Decision::Deny => {
                    Some(response.diagnostics().reason().cloned().collect())
                }
            })
        };
        let Some(against) = decide(&self.rules)? else {
            return Ok(Verdict { decision: Decision::Allow, reasons: Vec::new() });
        };
        let (decision, against) = match decide(&self.firm)? {
            Some(firmly) => (Decision::Deny, firmly),
            None => (Decision::Ask, against),
        };
        Ok(Verdict { decision, reasons: self.reasons(tool, against, &shown) })
    }

    /// What the policies against it say; where there is none, what would have permitted it.
    fn reasons(&self, tool: &str, mut against: Vec<PolicyId>, shown: &Shown) -> Vec<String> {
        // Cedar keeps them in a set: a verdict must read the same each time.
        against.sort_by_key(ToString::to_string);
        let mut reasons = Vec::new();
        for id in &against {
            reasons.extend(self.rules.annotation(id, "reason").map(|why| fill(why, tool, shown)));
            reasons.extend(self.rules.annotation(id, "hint").map(|hint| hinted(hint, tool, shown)));
        }
        if reasons.is_empty() {
            let missing = PolicyId::new(shown.template);
            let said = |key| self.rules.template_annotation(&missing, key);
            reasons.extend(said("otherwise").map(|why| fill(why, tool, shown)));
            reasons.extend(said("hint").map(|hint| hinted(hint, tool, shown)));
        }
        if reasons.is_empty() {
            reasons.push(format!("nothing permits tool `{}`", crate::reason::quotable(tool)));
        }
        reasons
    }
}

impl Policy for Cedar {
    fn judge(&self, action: &Action) -> Verdict {
        let taint = self.taint(action);
        let judged = |wanted: Option<&Capability>| {
            let asked = Asked { tool: action.tool.clone(), taint, wanted: wanted.cloned() };
            self.given.or(asked, |asked| self.verdict(asked))
        };
        if action.capabilities.is_empty() {
            return judged(None);
        }
        strictest(action.capabilities.iter().map(|wanted| judged(Some(wanted))))
    }

    fn narrow(&self, tools: &[ToolSpec]) -> Vec<ToolSpec> {
        narrow::narrow(&self.grants, tools)
    }
}

/// All must allow: the strictest decision, with the reasons that led to it.
pub(crate) fn strictest(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let rank = |decision| match decision {
        Decision::Allow => 0,
        Decision::Ask => 1,
        Decision::Deny => 2,
    };
    let mut whole = Verdict { decision: Decision::Allow, reasons: Vec::new() };
    for verdict in verdicts {
        if rank(verdict.decision) > rank(whole.decision) {
            whole = verdict;
        } else if verdict.decision == whole.decision {
            for reason in verdict.reasons {
                if !whole.reasons.contains(&reason) {
                    whole.reasons.push(reason);
                }
            }
        }
    }
    whole
}

fn hinted(hint: &str, tool: &str, shown: &Shown) -> String {
    format!("hint: {}", fill(hint, tool, shown))
}

fn agent(grants: &Grants, words: &Words) -> Result<Entity, String> {
    let one_by_one = grants.net.iter().filter(|rule| **rule != NetRule::Public).cloned();
    let mut attributes = HashMap::from(named(&one_by_one.collect::<Vec<_>>(), words));
    attributes.insert("removable".to_string(), files(words, &grants.delete));
    Entity::new(words.agent(), attributes, HashSet::new()).map_err(|error| error.to_string())
}

/// The endpoints and the zones that these rules name.
fn named(net: &[NetRule], words: &Words) -> [(String, RestrictedExpression); 2] {
    let mut named = [Vec::new(), Vec::new()];
    for rule in net {
        let kind = match rule {
            NetRule::Host { .. } => 0,
            NetRule::Below { .. } | NetRule::Public => 1,
        };
        let resources = rules::resources(rule, words).into_iter();
        named[kind].extend(resources.map(RestrictedExpression::new_entity_uid));
    }
    let [endpoints, zones] = named.map(RestrictedExpression::new_set);
    [("endpoints".to_string(), endpoints), ("zones".to_string(), zones)]
}

fn tool(
    words: &Words,
    name: &str,
    grants: &Grants,
    above: HashSet<cedar_policy::EntityUid>,
) -> Result<Entity, String> {
    let approval = grants.ask.iter().any(|asked| asked == name);
    let acts = grants.acting.iter().any(|acting| acting == name);
    let form = grants.forms.iter().any(|form| form == name);
    let flags = [("approval", approval), ("acts", acts), ("form", form), ("question", name == ASK)];
    let mut attributes: HashMap<String, RestrictedExpression> =
        flags.map(|(flag, set)| (flag.to_string(), RestrictedExpression::new_bool(set))).into();
    if let Some(scope) = grants.scope(name) {
        attributes.insert("scope".to_string(), self::scope(words, name, scope)?);
    }
    Entity::new(words.tool(name), attributes, above).map_err(|error| error.to_string())
}

/// Files and folders as a set. A path that has no spelling here is in none.
fn files(words: &Words, paths: &[PathBuf]) -> RestrictedExpression {
    let ids = paths.iter().filter_map(|path| file_id(path));
    let files = ids.map(|id| RestrictedExpression::new_entity_uid(words.file(&id)));
    RestrictedExpression::new_set(files)
}

fn scope(words: &Words, name: &str, scope: &Scope) -> Result<RestrictedExpression, String> {
    let changes = scope.changing.iter().any(|changing| changing == name);
    let fields = [
        ("read".to_string(), files(words, &scope.read)),
        ("write".to_string(), files(words, &scope.write)),
        ("changes".to_string(), RestrictedExpression::new_bool(changes)),
    ];
    let fields = fields.into_iter().chain(named(&scope.net, words));
    RestrictedExpression::new_record(fields).map_err(|error| error.to_string())
}
